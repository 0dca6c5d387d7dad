"""Terminals of 40 and 80 columns: whole words, numbers that are never cut, unbroken commands."""

import re
from collections.abc import Callable

import pytest
from rich.cells import cell_len
from rich.text import Text

from normsweep.cli import app, sentences
from normsweep.cli.tables import print_table
from normsweep.storage import open_storage
from normsweep.study.records import load_study

DRAWN = set("─├┤│┼●·▁▂▃▄▅▆▇█")
COMMANDS = [
    "list",
    "show small",
    "show searched",
    "status",
    "confirm small --top 1 --seeds 3",
    "compare small searched",
    "export small -o best.toml",
    "suggest digits",
]


@pytest.fixture
def at(monkeypatch: pytest.MonkeyPatch) -> Callable[[int], None]:
    """Gives the terminal so many columns."""

    def at(width: int) -> None:
        for console in (app.console, app.notices):
            monkeypatch.setattr(console, "_width", width)

    return at


@pytest.fixture
def searched(confirmed, sweep) -> None:
    """Beside the confirmed study one that is not, with a name as long as they are."""
    sweep("copy", "small", "--to", "sqlite:///studies.db", "--name", "searched")
    storage = open_storage(None)
    assert load_study("searched", storage).get_trials()
    storage.engine.dispose()


def words(out: str) -> list[str]:
    """What was printed but for drawings, in words."""
    plain = (line for line in out.splitlines() if not DRAWN & set(line))
    return " ".join(plain).split()


@pytest.mark.parametrize("width", [40, 80])
@pytest.mark.parametrize("command", COMMANDS)
def test_words_numbers_and_commands_are_whole(
    sweep, searched, at, width: int, command: str
) -> None:
    at(10_000)
    wide = sweep(*command.split())
    at(width)
    narrow = sweep(*command.split())
    assert (wide.code, narrow.code) == (0, 0), narrow.err
    told = [(wide.out, narrow.out), (wide.err, narrow.err)]
    for whole, broken in told:
        # Whose name a row begins with needs no title there.
        assert set(words(whole)) - {"study", "candidate"} <= set(words(broken))
        assert "…" not in set(words(broken)) - set(words(whole))
        for line in broken.splitlines():
            assert cell_len(line) <= width or line.strip().startswith("sweep ")
    for copied in re.findall(r"  (sweep [a-z]+ (?:\S+ ?)+?)(?= {2,}|$)", wide.out, re.MULTILINE):
        assert copied.strip() in narrow.out


def test_a_table_that_has_room_stands_in_columns(at, capsys) -> None:
    rows = [("a study", "12.345"), ("b", "1")]
    at(40)
    print_table(("study", "best"), rows, words=("study",))
    assert capsys.readouterr().out == ("study      best\na study  12.345\nb             1\n")


@pytest.mark.parametrize("width", range(16, 70))
def test_no_cell_of_a_table_is_cut_at_any_width(at, capsys, width: int) -> None:
    titles = ("study", "FID-proxy ± s.e.", "95 % interval", "settings")
    rows = [
        ("digits", "8.712 ± 0.544", "-0.52 … +0.1", "target = both, strength = 0.0001"),
        ("a-longer-name", "10.3 ± 0.257", "–", "–"),
    ]
    at(width)
    print_table(titles, rows, words=("study", "settings"))
    out = capsys.readouterr().out
    assert {word for row in rows for cell in row for word in cell.split()} <= set(out.split())
    for number in ("8.712 ± 0.544", "10.3 ± 0.257", "-0.52 … +0.1"):
        assert number in out
    assert all(cell_len(line) <= max(width, 21) for line in out.splitlines())


def test_a_command_in_a_sentence_is_not_broken() -> None:
    text = "It goes on after:  sweep resume digits --storage 'sqlite:///a b.db'"
    first, second = sentences.lines(Text(text), 40)
    assert first.plain == "It goes on after:"
    assert second.plain == "sweep resume digits --storage 'sqlite:///a b.db'"
    both = "Surer:  sweep confirm small;  sweep confirm large"
    assert [line.plain for line in sentences.lines(Text(both), 30)] == [
        "Surer:  sweep confirm small;",
        "sweep confirm large",
    ]
    within = "made, by sweep confirm small --top 2 --seeds 8, and there is none before"
    assert [line.plain for line in sentences.lines(Text(within), 40)] == [
        "made, by",
        "sweep confirm small --top 2 --seeds 8,",
        "and there is none before",
    ]


def test_lines_keep_their_styles_and_how_far_in_they_are() -> None:
    text = Text.assemble("  ", ("one two", "bold"), " three")
    first, second = sentences.lines(text, 10)
    assert (first.plain, second.plain) == ("  one two", "  three")
    assert [(span.start, span.end) for span in first.spans] == [(2, 9)]
