"""The Optuna dashboard on a finished study, in a real browser."""

import time
import urllib.request
from collections.abc import Iterator

import pytest
from optuna_dashboard import get_note

from normsweep.report.board.refresh import Refresher
from normsweep.report.figures import FIGURES
from normsweep.storage import open_storage
from normsweep.storage.connect import study_files
from normsweep.study.records import load_study
from tests.browser import needs_browser, started_browser, webdriver

pytestmark = needs_browser


@pytest.fixture
def browser(tmp_path) -> Iterator["webdriver.Chrome"]:
    with started_browser(tmp_path / "profile") as started:
        yield started


def until(browser: "webdriver.Chrome", script: str) -> None:
    """Waits until a script in the page is true of it."""
    deadline = time.monotonic() + 60
    while not browser.execute_script(f"return Boolean({script})"):
        assert time.monotonic() < deadline, browser.find_element("tag name", "body").text
        time.sleep(0.2)


def test_verdict_samples_and_profile_are_to_be_seen(
    browser, start, sweep, write_spec, port
) -> None:
    spec = write_spec(
        study__sampler="random",
        study__trials=8,
        penalty__strength={"low": 1e-4, "high": 1e-1, "log": True},
        confirm__seeds=1,
        confirm__top=1,
    )
    assert sweep("launch", spec).code == 0
    process = start("dashboard", "--port", str(port))
    address = f"http://127.0.0.1:{port}"
    assert process.stdout.readline().startswith("Optuna dashboard on ")
    deadline = time.monotonic() + 60
    while True:
        try:
            urllib.request.urlopen(f"{address}/api/studies", timeout=30).close()
            break
        except OSError:
            assert time.monotonic() < deadline
            time.sleep(0.1)
    text = "document.body.textContent"
    browser.get(f"{address}/dashboard/studies/1/note")
    until(browser, f"{text}.includes('difference') && {text}.includes('95 % interval')")
    browser.get(f"{address}/dashboard/studies/1")
    until(browser, f"{text}.includes('Score against strength')")
    browser.get(f"{address}/dashboard/studies/1/trials?numbers=1")
    until(browser, f"{text}.includes('samples.png')")
    until(browser, "[...document.images].some(i => i.src.includes('artifacts') && i.naturalWidth)")
    process.terminate()
    process.wait(30)


def test_a_running_study_is_kept_up_with(sweep, write_spec) -> None:
    assert sweep("launch", write_spec(study__trials=2)).code == 0
    storage = open_storage("sqlite:///studies.db")
    warned: list[str] = []
    refresher = Refresher(storage, study_files(storage), warned.append)
    refresher.look()
    study = load_study("small", storage)
    before = get_note(study)
    assert "## … Not confirmed" in before
    assert sweep("launch", write_spec(study__trials=4)).code == 0
    refresher.look()
    assert warned == []
    attributes = storage.get_study_system_attrs(study._study_id)
    assert get_note(study) != before
    drawn = {name for name in FIGURES if any(f":{name}:" in key for key in attributes)}
    assert {"learning_curves", "budget", "history"} <= drawn
    storage.engine.dispose()
