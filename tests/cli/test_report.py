"""`sweep report`: the file it writes, and what it says to mistakes."""

import optuna
import pytest


def test_a_report_is_one_html_file_of_the_study(sweep, example, folder) -> None:
    called = sweep("report", "small", "-o", "out.html", "--storage", example.url)
    assert (called.code, called.out) == (0, "")
    assert "Wrote out.html." in called.err
    text = (folder / "out.html").read_text(encoding="utf-8")
    assert text.startswith("<!doctype html>") and text.endswith("</html>\n")
    best = min(example.trials[1:], key=lambda trial: trial.value)
    assert "… Not confirmed" in text and f", trial {best.number} (" in text
    assert f"{best.value:.3f}" in text
    for name in ("profile", "budget", "learning_curves"):
        assert f'id="plot-{name}"' in text
    assert [path.name for path in folder.iterdir()] == ["out.html"]


@pytest.mark.parametrize(
    ("options", "name", "markdown"),
    [
        ((), "small.html", False),
        (("--format", "md"), "small.md", True),
        (("-o", "x.md"), "x.md", True),
        (("-o", "x"), "x", False),
        (("-o", "x.HTM"), "x.HTM", False),
        (("-o", "x.txt", "--format", "md"), "x.txt", True),
        (("-o", "x.html", "--format", "md"), "x.html", True),
        (("-o", "x.md", "--format", "html"), "x.md", False),
    ],
)
def test_the_format_is_that_asked_for_else_that_of_the_files_ending(
    sweep, example, folder, options, name: str, markdown: bool
) -> None:
    assert sweep("report", "small", *options, "--storage", example.url).code == 0
    text = (folder / name).read_text(encoding="utf-8")
    assert text.startswith("# small" if markdown else "<!doctype html>")


def test_a_report_in_a_file_of_another_kind_is_refused(sweep, example, folder) -> None:
    called = sweep("report", "small", "-o", "rep.pdf", "--storage", example.url)
    assert (called.code, called.out) == (2, "")
    accepted = "accepted: .html, .md, .htm, .markdown, or any with --format"
    assert f"-o rep.pdf: got the ending '.pdf'; {accepted}" in " ".join(called.err.split())
    assert not (folder / "rep.pdf").exists()


def test_the_spec_is_shown_as_it_was_written_and_what_was_set_over_it(
    sweep, write_spec, folder
) -> None:
    path = write_spec(study__trials=2)
    text = "# Weights of the smaller network alone.\n" + path.read_text(encoding="utf-8")
    path.write_text(text, encoding="utf-8")
    options = ("--trials", "1", "--set", "train.steps=20", "--set", "train.chunks=2")
    assert sweep("submit", path, *options).code == 0
    # What is said of a study later is not how it was written.
    assert sweep("submit", path, "--trials", "2", *options[2:]).code == 0
    assert sweep("report", "small", "--format", "md").code == 0
    shown = (folder / "small.md").read_text(encoding="utf-8")
    assert f"```toml\n{text.strip()}\n```" in shown
    over = "train.steps = 20, train.chunks = 2, study.trials = 1"
    assert f"Set over it when it was launched: {over}" in shown
    assert "With all defaults written out" in shown and "keep_checkpoints = 0" in shown
    assert "# the spec with all defaults, once more" in shown


def test_commands_in_a_report_name_the_storage(sweep, example, folder, monkeypatch) -> None:
    monkeypatch.setenv("SWEEP_STORAGE", example.url)
    sweep("report", "small", "--format", "md")
    text = (folder / "small.md").read_text(encoding="utf-8")
    assert f"sweep export small --storage {example.url} -o best.toml" in text


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("nowhere",), "study 'nowhere' is not in"),
        (("small", "--format", "pdf"), "--format pdf: accepted: html, md"),
        (("small", "-o", "no/such/folder/x.html"), "cannot be written"),
        (("plain",), "was not made by sweep"),
    ],
)
def test_mistakes_are_told_and_no_file_is_left(sweep, example, folder, arguments, told) -> None:
    name = arguments[0]
    url = f"sqlite:///{folder / 'own.db'}" if name == "plain" else example.url
    if name == "plain":
        storage = optuna.storages.RDBStorage(url)
        optuna.create_study(storage=storage, study_name="plain")
        storage.engine.dispose()
    called = sweep("report", *arguments, "--storage", url)
    assert called.code == 2
    assert told in " ".join(called.err.split())
    assert not [path for path in folder.iterdir() if not path.name.startswith("own.db")]
