"""A report in a real browser: Chromium, without a network, as wide as a phone and as a desk."""

import json
import time
from collections.abc import Callable, Iterator
from itertools import chain
from pathlib import Path
from typing import Any

import pytest

from normsweep.report.document import FORMATS, SECTIONS, report_page
from normsweep.report.figures import FIGURES
from normsweep.verdict.headline import headline
from normsweep.verdict.table import rows
from tests.browser import needs_browser, started_browser, webdriver

pytestmark = needs_browser

# What fits does not depend on the colours, nor can be read by the width.
on_both_devices = pytest.mark.parametrize(("width", "scheme"), [(390, "light"), (1400, "dark")])


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator["webdriver.Chrome"]:
    with started_browser(tmp_path_factory.mktemp("profile")) as started:
        yield started


Open = Callable[..., list[str]]


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Callable[[Any, Any], Path]:
    """The report of a source as a file, written once for all widths and schemes."""
    files: dict[tuple[int, Any], tuple[Any, Path]] = {}

    def written(source: Any, sections: Any) -> Path:
        key = (id(source), sections)
        if key not in files:
            path = tmp_path_factory.mktemp("page") / "report.html"
            path.write_text(FORMATS["html"](report_page(source, sections)), encoding="utf-8")
            # Kept, so that no other one gets its id.
            files[key] = source, path
        return files[key][1]

    return written


@pytest.fixture
def opened(browser: "webdriver.Chrome", written: Callable[[Any, Any], Path]) -> Open:
    """Opens a report at a width, waits until its figures are drawn, and returns what it asked for.

    That is every address but its own.
    """

    def opened(
        source: Any, width: int, scheme: str = "light", sections: Any = SECTIONS
    ) -> list[str]:
        path = written(source, sections)
        size = {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": width < 600}
        browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
        features = [{"name": "prefers-color-scheme", "value": scheme}]
        browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": features})
        for kind in ("browser", "performance"):
            browser.get_log(kind)
        browser.get(path.as_uri())
        deadline = time.monotonic() + 30
        drawn = (
            "return document.documentElement.dataset.drawn !== undefined "
            "|| !document.querySelector('.plot')"
        )
        while not browser.execute_script(drawn):
            assert time.monotonic() < deadline, browser.get_log("browser")
            time.sleep(0.05)
        messages = [json.loads(e["message"])["message"] for e in browser.get_log("performance")]
        asked = [
            message["params"]["request"]["url"]
            for message in messages
            if message["method"] == "Network.requestWillBeSent"
        ]
        # The browser's own first page may still be asking for its parts.
        own = ("data:", "chrome:", "chrome-untrusted:")
        return [url for url in asked if url != path.as_uri() and not url.startswith(own)]

    return opened


@on_both_devices
@pytest.mark.parametrize("study", ["whole", "of_methods", "trained"])
def test_it_is_drawn_without_an_error_a_request_or_a_sideways_scroll(
    browser, opened: Open, request: pytest.FixtureRequest, study: str, width: int, scheme: str
) -> None:
    assert opened(request.getfixturevalue(study), width, scheme) == []
    assert browser.get_log("browser") == []
    wide = browser.execute_script(
        "return [document.documentElement.scrollWidth, innerWidth, document.body.scrollWidth]"
    )
    assert wide[1] == width
    assert wide[0] <= width and wide[2] <= width
    drawn = browser.execute_script(
        "return [...document.querySelectorAll('.plot')].map(p => p.querySelectorAll('svg').length)"
    )
    assert len(drawn) >= 4 and all(drawn)
    if study == "whole":
        # All but those of the effect, here and at other scales: nothing was confirmed.
        assert len(drawn) == len(FIGURES) - 2


FIRST = """
const box = (e) => e && e.getBoundingClientRect();
const lines = (e) => box(e).height / parseFloat(getComputedStyle(e).lineHeight);
const table = document.querySelector('.stacks');
return {
    word: document.querySelector('.headline').innerText,
    ends: box(document.querySelector('.headline + p')).bottom,
    inks: ['.headline', '.headline + p'].map(
        (s) => getComputedStyle(document.querySelector(s)).color),
    paper: getComputedStyle(document.body).backgroundColor,
    figure: document.querySelector('.plot') && box(document.querySelector('.plot')).top,
    captions: [...document.querySelectorAll('#verdict .plot + figcaption')].map(lines),
    pictures: [...document.querySelectorAll('.row img')].map((i) => [box(i).top, box(i).width]),
    wide: Math.max(document.documentElement.scrollWidth, document.body.scrollWidth),
    table: table && [table.parentNode.scrollWidth, table.parentNode.clientWidth,
                     table.parentNode.scrollHeight, table.parentNode.clientHeight],
    code: [...document.querySelectorAll('#verdict pre')].map((e) => box(e).bottom),
};"""
WORDS = {
    "confirmed": "✓ Helps, but no more than stopping at step 20 does",
    "undecided": "? Not decided",
    "unconfirmed": "… Not confirmed",
    "failed": "… No score yet",
}


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize(("width", "height"), [(390, 900), (1400, 900)])
@pytest.mark.parametrize("study", WORDS)
def test_the_first_screen_is_the_answer(
    browser, opened: Open, first_screens, study: str, width: int, height: int, scheme: str
) -> None:
    assert opened(first_screens[study], width, scheme, SECTIONS[:1]) == []
    found = browser.execute_script(FIRST)
    assert found["word"].startswith(WORDS[study])
    assert found["ends"] < height / 2 and found["wide"] <= width
    for ink in found["inks"]:
        assert contrast(ink, found["paper"]) >= 4.5
    is_confirmed = study in ("confirmed", "undecided")
    assert (found["figure"] is not None) == is_confirmed == (found["table"] is not None)
    if is_confirmed:
        assert found["figure"] < height - 200
        assert found["captions"] and max(found["captions"]) <= 2.1
        inner_width, own_width, inner_height, own_height = found["table"]
        assert inner_width <= own_width and inner_height <= own_height + 1
    if study == "unconfirmed":
        assert found["code"][0] < height
    if study != "failed":
        tops, widths = zip(*found["pictures"], strict=True)
        assert len(tops) == 3 and len(set(tops)) == 1
        assert min(widths) >= 100


PICTURES = """return [...document.images].map(image => {
    const {left, right, top} = image.getBoundingClientRect();
    const seen = image.complete && image.naturalWidth > 0 && image.checkVisibility();
    return {alt: image.alt, seen, left, right, top};
})"""


@on_both_devices
def test_a_confirmed_study_shows_its_verdict_and_its_samples(
    browser, opened: Open, trained, width: int, scheme: str
) -> None:
    opened(trained, width, scheme)
    said = browser.execute_script("return document.getElementById('verdict').innerText")
    first = headline(trained.answer, trained.confirmed)
    assert first.title in said and first.sentence in said
    for cell in chain.from_iterable(rows(trained.confirmed)):
        assert cell in said
    everything = browser.execute_script(PICTURES)
    beside, pictures = everything[:3], everything[3:]
    assert len({each["top"] for each in beside}) == 1
    assert len(pictures) == len(trained.samples) >= 2
    for picture in everything:
        assert picture["seen"]
        assert picture["left"] >= 0 and picture["right"] <= width
    baseline, best = pictures[:2]
    assert baseline["alt"].startswith("generated images of baseline")
    assert best["alt"].startswith(f"generated images of trial {trained.answer.best.number} ")
    if width == 1400:
        assert baseline["top"] == best["top"] and baseline["right"] < best["left"]
    else:
        assert baseline["top"] < best["top"]


@pytest.mark.parametrize("study", ["whole", "trained"])
def test_opened_tables_scroll_in_their_own_box(
    browser, opened: Open, request: pytest.FixtureRequest, study: str
) -> None:
    opened(request.getfixturevalue(study), 390)
    browser.execute_script("document.querySelectorAll('details').forEach(d => d.open = true)")
    assert browser.execute_script("return document.documentElement.scrollWidth") <= 390
    inside = browser.execute_script(
        "return [...document.querySelectorAll('.scroll')].some(s => s.scrollWidth > s.clientWidth)"
    )
    assert inside


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_text_in_figures_can_be_read_on_the_page(browser, opened: Open, whole, scheme: str) -> None:
    opened(whole, 1400, scheme)
    paper, *inks = browser.execute_script(
        "return [getComputedStyle(document.body).backgroundColor,"
        " ...[...document.querySelectorAll('.xtick text, .g-ytitle text, .legendtext')]"
        ".map(t => getComputedStyle(t).fill)]"
    )
    assert len(inks) > 20
    for ink in set(inks):
        assert contrast(ink, paper) >= 4.5


def contrast(one: str, other: str) -> float:
    """WCAG's contrast of two colours as browsers write them."""

    def luminance(colour: str) -> float:
        parts = [int(part) / 255 for part in colour[4:-1].split(",")]
        red, green, blue = (
            part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts
        )
        return 0.2126 * red + 0.7152 * green + 0.0722 * blue

    dark, light = sorted([luminance(one), luminance(other)])
    return (light + 0.05) / (dark + 0.05)


def test_it_prints_on_paper_with_its_tables_opened(browser, opened: Open, whole) -> None:
    opened(whole, 1400, "dark")
    browser.execute_script("dispatchEvent(new Event('beforeprint'))")
    states = "return [...document.querySelectorAll('details')].map(d => d.open)"
    widths = "return [...document.querySelectorAll('.plot .main-svg')].map(s => s.clientWidth)"
    assert all(browser.execute_script(states))
    assert max(browser.execute_script(widths)) <= 680
    browser.execute_script("dispatchEvent(new Event('afterprint'))")
    assert not any(browser.execute_script(states))
    printed = browser.execute_cdp_cmd("Page.printToPDF", {"printBackground": False})
    assert printed["data"].startswith("JVBERi")  # %PDF


def test_on_paper_the_widest_table_and_the_pictures_are_there_in_full(
    browser, opened: Open, trained
) -> None:
    opened(trained, 680)
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": "print"})
    browser.execute_script("dispatchEvent(new Event('beforeprint'))")
    ends = browser.execute_script(
        "return [...document.querySelectorAll('table, .image')]"
        ".map(each => each.getBoundingClientRect().right)"
    )
    assert len(ends) > 10 and max(ends) <= 680
    assert browser.execute_script("return document.documentElement.scrollWidth") <= 680
    pictures = browser.execute_script(PICTURES)
    assert pictures and all(picture["seen"] for picture in pictures)
    shown = "return document.querySelector('nav').checkVisibility()"
    assert not browser.execute_script(shown)
