"""What a worker needs beside the database: the data, and the user's files if it may run them."""

import json
import signal
import sqlite3
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest
from sklearn.datasets import load_digits

URL = "sqlite:///studies.db"
MINE = """
import jax
import jax.numpy as jnp

open("ran", "w").close()

def ridge(params, strength):
    return strength * sum(jnp.sum(w * w) for w in jax.tree.leaves(params))
"""


@pytest.fixture
def own(folder: Path, write_spec) -> Path:
    """A spec with a penalty from a file of code, which says when it is run."""
    (folder / "mine.py").write_text(MINE, encoding="utf-8")
    return write_spec(
        penalty__form="mine.py:ridge", penalty__order=None, train__steps=4, train__chunks=2
    )


@pytest.mark.parametrize("way", ["option", "environment"])
def test_no_file_of_code_is_run_where_none_may_be(
    sweep, own, folder, monkeypatch, way: str
) -> None:
    assert sweep("submit", own).code == 0
    (folder / "ran").unlink()
    if way == "environment":
        monkeypatch.setenv("SWEEP_NO_PLUGINS", "1")
    option = ["--no-plugins"] if way == "option" else []
    for command in (["worker", "small"], ["launch", own], ["submit", own]):
        called = sweep(*command, *option)
        assert called.code == 2
        told = "penalty.form = 'mine.py:ridge': a file of code, which --no-plugins"
        assert called.err.startswith(f"error: {told}")
    passed = sweep("worker", "--log-json", *option)
    assert passed.code == 0
    (event,) = [e for e in map(json.loads, passed.err.splitlines()) if "reason" in e]
    assert event["event"] == "study passed over"
    assert event["study"] == "small"
    assert not (folder / "ran").exists()
    (study,) = json.loads(sweep("status", "--json").out)["studies"]
    assert (study["state"], study["waiting"], study["failed"]) == ("open", 7, 0)


@pytest.mark.slow
def test_a_worker_that_waits_for_studies_trains_each_with_the_files_as_they_are_when_it_begins(
    sweep, start, wait_for, folder, write_spec, read_trials
) -> None:
    """One after an edit of what the file imports, and one with a function that is new in it."""

    def written(name: str, form: str, factor: int) -> Path:
        (folder / "beside.py").write_text(
            "import jax\nimport jax.numpy as jnp\n\ndef squares(params):\n"
            f"    return {factor} * sum(jnp.sum(w * w) for w in jax.tree.leaves(params))\n"
        )
        (folder / "mine.py").write_text(
            "from beside import squares\n\n"
            + "".join(
                f"def {each}(params, strength):\n    return strength * squares(params)\n\n"
                for each in dict.fromkeys(["ridge", form])
            )
        )
        return write_spec(
            study__name=name,
            penalty__form=f"mine.py:{form}",
            penalty__order=None,
            penalty__strength=[1e-2],
            penalty__target="both",
            train__steps=4,
            train__chunks=2,
        )

    def finished(name: str) -> bool:
        sql = "select t.state from trials t join studies using (study_id) where study_name = ?"
        with closing(sqlite3.connect("studies.db", timeout=30)) as connection:
            states = connection.execute(sql, [name]).fetchall()
        return len(states) == 2 and set(states) == {("COMPLETE",)}

    worker = None
    for name, form, factor in (("one", "ridge", 1), ("two", "ridge", 9), ("three", "other", 9)):
        assert sweep("submit", written(name, form, factor)).code == 0
        worker = worker or start("worker", "--forever", "--log-json")
        wait_for(lambda name=name: finished(name), worker, seconds=300)
    worker.send_signal(signal.SIGTERM)
    _, err = worker.communicate(timeout=60)
    assert worker.returncode == 0, err
    assert "passed over" not in err
    # One that has never seen the file before its edit finds the same bits.
    assert sweep("launch", written("fresh", "other", 9)).code == 0
    one, two, three, fresh = (
        [trial.value for trial in read_trials(URL, name)]
        for name in ("one", "two", "three", "fresh")
    )
    assert one[0] == two[0]
    assert one[1] != two[1]
    assert two == three == fresh


def test_data_that_disappears_stops_no_worker_that_has_read_it_and_fails_no_trial(
    sweep, start, wait_for, folder, write_spec, read_trials, outcome, query
) -> None:
    digits = load_digits()
    np.savez(
        folder / "d.npz", images=(digits.images[:200] * 15.9).astype(np.uint8),
        labels=digits.target[:200],
    )  # fmt: skip
    spec = write_spec(data={"source": "npz", "path": "d.npz"}, train__steps=160, train__chunks=16)
    assert sweep("launch", spec, "--storage", "sqlite:///whole.db").code == 0
    assert sweep("submit", spec).code == 0
    worker = start("worker", "small")
    reported = "select 1 from trial_intermediate_values"
    wait_for(lambda: query(folder / "studies.db", reported), worker)
    (folder / "d.npz").unlink()
    refused = sweep("worker", "small")
    assert refused.code == 2
    assert "d.npz: no such file" in refused.err
    assert "Traceback" not in refused.err
    _, err = worker.communicate(timeout=120)
    assert worker.returncode == 0, err
    assert outcome(read_trials(URL)) == outcome(read_trials("sqlite:///whole.db"))
