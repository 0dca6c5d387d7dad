"""`sweep copy`."""

import json


def test_a_copy_answers_as_the_study_does(sweep, example, folder) -> None:
    called = sweep("copy", "small", "--to", "sqlite:///b.db", "--storage", example.url)
    assert called.code == 0
    assert called.out.startswith("Copied small to sqlite:///b.db as small: 7 trials; ")
    assert called.err == ""
    shown = [
        json.loads(sweep("show", "small", "--json", "--storage", url).out)
        for url in (example.url, "sqlite:///b.db")
    ]
    commands = [answer["headline"].pop("command") for answer in shown]
    assert commands == [
        f"sweep confirm small --storage {u}" for u in (example.url, "sqlite:///b.db")
    ]
    assert shown[0] == shown[1]
    again = sweep("copy", "small", "--to", "sqlite:///b.db", "--storage", example.url)
    assert again.code == 2
    assert "study 'small' is in sqlite:///b.db already" in again.err
    other = sweep("copy", "small", "--to", "sqlite:///b.db", "--name", "c", "--json")
    assert other.code == 2 and "studies.db does not exist" in other.err
    options = ("--to", "sqlite:///b.db", "--name", "c", "--json", "--storage", example.url)
    found = json.loads(sweep("copy", "small", *options).out)
    assert found["study"] == "c" and found["trials"] == 7 and found["missing"] == []
    assert found["storage"] == "sqlite:///b.db"
    assert found["files"] == str(folder / "b.files")
    assert found["confirmation"] is None


def test_what_cannot_be_copied_makes_no_file(sweep, example, folder) -> None:
    for call, told in (
        (("unknown", "--to", "sqlite:///b.db"), "study 'unknown' is not in"),
        (("small", "--to", "b.db"), "'b.db' is no database URL"),
        (("small", "--to", "sqlite:///b.db", "--name", "a b"), "--name a b"),
        (("small",), "Missing option '--to'"),
    ):
        called = sweep("copy", *call, "--storage", example.url)
        assert called.code == 2
        assert told in called.err
        assert list(folder.iterdir()) == [], call
