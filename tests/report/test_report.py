"""A report in both formats: whole, self-contained, escaped, and the same in HTML and Markdown."""

import io
import json
import re
from base64 import b64decode
from dataclasses import replace
from html.parser import HTMLParser

import numpy as np
import pytest

from normsweep.report.document import FORMATS, SECTIONS, report_page
from normsweep.report.figures import FIGURES
from normsweep.report.markdown import escaped
from normsweep.report.page import Block, Code, Figure, Image, Items, Page, Table, Text
from normsweep.score.pictures import draw_grid, first_of
from tests.report.figures.studies import at, confirmation_of, spec_of, study_of

from .conftest import EVIL, source_of

VOID = {"meta", "link", "img", "br", "hr", "input", "source"}


class Parsed(HTMLParser):
    """Elements with their attributes, their text, and whether each was closed in its turn."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.texts: dict[str, list[str]] = {}
        self.open: list[str] = []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)
            self.texts.setdefault(tag, []).append("")

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        for tag in set(self.open):
            self.texts[tag][-1] += data

    def of(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.elements if name == tag]


def html(source) -> Parsed:
    return Parsed(FORMATS["html"](report_page(source)))


def test_the_html_is_whole_and_says_what_a_browser_needs_to_know(whole) -> None:
    text = FORMATS["html"](report_page(whole))
    assert text.startswith("<!doctype html>")
    parsed = Parsed(text)
    assert parsed.open == []
    assert parsed.of("html") == [{"lang": "en"}]
    assert parsed.texts["title"] == ["drawn: does regularisation help?"]
    assert {"charset": "utf-8"} in parsed.of("meta")
    named = {meta.get("name"): meta.get("content") for meta in parsed.of("meta")}
    assert named["viewport"] == "width=device-width, initial-scale=1"
    assert named["color-scheme"] == "light dark"
    names = [attributes["id"] for _, attributes in parsed.elements if "id" in attributes]
    assert len(names) == len(set(names))
    anchors = [(link["href"] or "").removeprefix("#") for link in parsed.of("a")]
    assert anchors and set(anchors) <= set(names)


def test_nothing_is_loaded_from_anywhere(whole) -> None:
    text = FORMATS["html"](report_page(whole))
    parsed = Parsed(text)
    for _, attributes in parsed.elements:
        for name in ("src", "href", "srcset", "action", "data", "poster"):
            assert (attributes.get(name) or "#").startswith("#")
    assert not parsed.of("link") and not parsed.of("iframe") and not parsed.of("img")
    (style,) = parsed.texts["style"]
    assert "@import" not in style and "url(" not in style
    policy = [m["content"] for m in parsed.of("meta") if "http-equiv" in m]
    assert policy and "default-src 'none'" in (policy[0] or "")
    assert "unsafe-eval" not in (policy[0] or "") and "http" not in (policy[0] or "")


def test_plotly_is_there_once_and_not_at_all_without_figures(whole, new_source) -> None:
    assert FORMATS["html"](report_page(whole)).count("plotly.js v") == 1
    empty = FORMATS["html"](report_page(new_source(spec_of(), None)))
    assert len(empty) < 20_000
    assert "<script" not in empty


def test_every_figure_has_its_sentence_and_its_numbers(whole) -> None:
    page = report_page(whole)
    named = [name for name in FIGURES if name not in ("effect", "scales")]
    assert [figure.name for figure in page.figures] == named
    parsed = html(whole)
    plots = [div for div in parsed.of("div") if div.get("class") == "plot"]
    assert [plot["id"] for plot in plots] == [f"plot-{name}" for name in named]
    figures = [t for t in parsed.texts["details"] if t.startswith("The numbers of this figure")]
    assert len(parsed.of("figcaption")) == len(figures) == len(plots)
    for figure, plot, caption, numbers in zip(
        page.figures, plots, parsed.texts["figcaption"], figures, strict=True
    ):
        assert plot["role"] == "img"
        assert plot["aria-label"] == figure.drawn.alternative
        assert caption == figure.drawn.caption
        assert figure.drawn.alternative in numbers and figure.drawn.how in numbers
        for cell in (*figure.drawn.numbers.columns, *figure.drawn.numbers.rows[0]):
            assert cell in numbers
    data = json.loads(next(t for t in parsed.texts["script"] if t.startswith("{")))
    assert list(data) == named


def test_both_formats_have_the_same_headings_sentences_and_cells(whole) -> None:
    page = report_page(whole)
    parsed, markdown = html(whole), FORMATS["md"](page)
    folded = [each for each in parsed.texts["summary"] if "figure" not in each]
    headings = folded + parsed.texts["h1"] + parsed.texts["h2"] + parsed.texts["h3"]
    prose = re.sub(r"^```.*?^```$", "", markdown, flags=re.MULTILINE | re.DOTALL)
    found = re.findall(r"^#+ (.*)$", prose, re.MULTILINE)
    assert sorted(map(escaped, headings)) == sorted(found)
    for figure in page.figures:
        assert escaped(figure.drawn.alternative) in markdown
    for cell in parsed.texts["td"]:
        assert escaped(cell) in markdown
    assert [block.title for block in page.blocks] == parsed.texts["h2"]


def test_the_verdict_comes_first_and_the_rest_in_its_order(whole) -> None:
    page = report_page(whole)
    titles = [block.title for block in page.blocks]
    assert titles == ["Verdict", "Results", "Figures", "Spec", "How to reproduce", "Failures"]
    assert SECTIONS[0].__name__ == "verdict"
    first = page.blocks[0].parts[0]
    assert first == Text("… Not confirmed", "headline open")


@pytest.mark.parametrize(
    ("confirmed", "sentence"),
    [
        (
            {0: 3.0, 1: 2.9, 2: 2.0},
            ("✓ Helps, as far as these judging images go", "Trial 2 (power, "),
        ),
        (
            {0: 2.0, 2: 3.0},
            (
                "✗ Hurts, as far as these judging images go",
                "Every candidate is worse, and the best of them, trial 2 (",
            ),
        ),
        ({0: 2.0, 2: 2.0}, ("? Not decided", "Trial 2 (power, ")),
    ],
)
def test_a_confirmed_study_begins_with_its_verdict_and_the_table_behind_it(
    confirmed: dict[int, float], sentence: tuple[str, str]
) -> None:
    trials = [(at(1e-3), [1.0, 1.1, 1.3]), (at(1e-2), [1.2, 1.2, 1.3])]
    study = study_of(spec_of(), [3.0, 3.2, 3.3], trials)
    source = source_of(study, confirmed=confirmation_of(study, confirmed))
    verdict = report_page(source).blocks[0]
    word, text, figure, table, behind = verdict.parts
    assert isinstance(word, Text) and isinstance(figure, Figure) and figure.name == "effect"
    assert isinstance(text, Text) and isinstance(table, Table) and isinstance(behind, Items)
    assert word.text == sentence[0] and text.text.startswith(sentence[1])
    # Trial 2 is the verdict's, whichever else was confirmed.
    (marked,) = table.marked
    cells = table.rows[marked]
    assert cells[0].startswith("trial 2 (power, ") and len(table.rows) == len(confirmed) - 1
    # As they were written into the study, with noise of 0.01 on those of the confirmation.
    expected = [3.7 / 3, confirmed[2], confirmed[0], confirmed[2] - confirmed[0]]
    assert [float(cell) for cell in cells[1:5]] == pytest.approx(expected, abs=0.02)
    assert any("5 seeds and folds that the search never saw" in said for said in behind.items)
    parsed, markdown = html(source), FORMATS["md"](report_page(source))
    first = [p.get("class") for p in parsed.of("p")]
    assert (first[1] or "").startswith("headline ") and first[2] == "strong"
    assert parsed.texts["p"][1:3] == [word.text, text.text]
    for tag, told in (("h3", [table.title]), ("th", table.columns), ("li", behind.items)):
        assert set(told) <= set(parsed.texts[tag])
    in_rows = [cell for row in table.rows for cell in row]
    begin = parsed.texts["td"].index(in_rows[0])
    assert parsed.texts["td"][begin : begin + len(in_rows)] == in_rows
    said = f"**{escaped(word.text)}**\n\n**{escaped(text.text)}**"
    assert f"## Verdict\n\n{said}\n\n### {escaped(figure.title)}\n\n```text\ndiff" in markdown
    assert f"### {escaped(table.title)}\n" in markdown
    assert f"| {' | '.join(map(escaped, cells))} |" in markdown
    for said in behind.items:
        assert f"- {escaped(said)}\n" in markdown


def grid(shade: float) -> bytes:
    drawn = io.BytesIO()
    draw_grid(np.full((4, 3, 3, 1), shade, np.float32), drawn)
    return drawn.getvalue()


def test_samples_of_the_baseline_and_the_best_stand_side_by_side(new_source) -> None:
    trials = [(at(0.1), [2.0] * 3), (at(0.01), [1.5] * 3)]
    pngs = {2: grid(1.0), 0: grid(-1.0)}
    source = replace(new_source(spec_of(), [2.5] * 3, trials), samples=pngs)
    (block,) = [block for block in report_page(source).blocks if block.name == "samples"]
    baseline, best, _ = block.parts
    assert isinstance(baseline, Image) and isinstance(best, Image)
    assert (baseline.png, best.png) == (pngs[0], pngs[2])
    assert (baseline.title, best.title[:15]) == ("baseline", "trial 2 (power,")
    assert baseline.alternative.endswith("FID-proxy 2.500")
    assert best.alternative.endswith("FID-proxy 1.500")
    parsed = html(source)
    for image, shown in zip((baseline, best), parsed.of("img"), strict=True):
        kind, _, data = (shown["src"] or "").partition(",")
        assert kind == "data:image/png;base64"
        assert b64decode(data) == image.png
        assert shown["alt"] == image.alternative
        assert image.title in parsed.texts["figcaption"]
    # Markdown cannot hold a picture: it says what is to be seen.
    markdown = FORMATS["md"](report_page(source))
    told = [escaped(f"{image.title}: {image.alternative}") for image in (baseline, best)]
    assert "## Samples\n\n" + "\n\n".join(told) in markdown
    assert "base64" not in markdown


def test_a_launch_leaves_the_pictures_that_its_report_shows(trained) -> None:
    leaders = {0, trained.answer.best.number, trained.confirmed.best.trial.number}
    assert set(trained.samples) == leaders
    shown = [b64decode((i["src"] or "").partition(",")[2]) for i in html(trained).of("img")]
    row, shown = shown[:3], shown[3:]
    assert shown[:2] == [trained.samples[0], trained.samples[trained.answer.best.number]]
    assert len(set(shown)) == len(leaders)
    chosen = trained.samples[trained.confirmed.best.trial.number]
    assert row == [first_of(png, 16) for png in (trained.real, trained.samples[0], chosen)]


def test_where_the_pictures_are_on_another_machine_there_is_no_section_of_them(trained) -> None:
    page = report_page(replace(trained, samples={}))
    assert "Samples" not in [block.title for block in page.blocks]


def test_another_section_can_take_the_place_of_one(whole) -> None:
    mine = Block("mine", "Mine", (Items(("one", "two")),))
    page = report_page(whole, (lambda source: mine, lambda source: None))
    assert page.blocks == (mine,)
    assert "- one\n- two" in FORMATS["md"](page)


def test_the_ranking_marks_the_baseline_and_counts_the_trials(whole) -> None:
    page = report_page(whole)
    tables = {p.title: p for block in page.blocks for p in block.parts if isinstance(p, Table)}
    ranking = tables["The best 10 of 40 trials"]
    assert ranking.columns == ("place", "trial", "FID-proxy ± s.e.", "penalty", "target", "λ", "p")
    assert len(ranking.rows) == 11
    assert ranking.marked == {10} and ranking.rows[10][3] == "baseline"
    assert [row[1] for row in ranking.rows[:10]] == [
        str(entry.number) for entry in whole.answer.ranking[:10]
    ]
    best = tables["Targets, each at its best"]
    assert [row[1] for row in best.rows] == [*whole.answer.best_per_target, "baseline"]


def test_methods_are_ranked_by_kind(of_methods) -> None:
    page = report_page(of_methods)
    tables = {p.title: p for block in page.blocks for p in block.parts if isinstance(p, Table)}
    kinds = tables["Kinds, each at its best"]
    assert [row[1] for row in kinds.rows] == [*of_methods.answer.best_per_kind, "baseline"]
    assert "Targets, each at its best" not in tables


def test_what_the_study_says_stays_text(new_source) -> None:
    study = new_source(spec_of(data__path=EVIL), [1.0] * 3, [(at(0.1), [2.0] * 3)], failed=1)
    text = FORMATS["html"](report_page(study))
    parsed = Parsed(text)
    assert parsed.of("img") == []
    assert EVIL in parsed.texts["td"]
    assert any("too <wild>" in cell for cell in parsed.texts["td"])
    body = text[: text.index("<script>")]
    assert "</script>" not in body
    markdown = FORMATS["md"](report_page(study))
    for line in markdown.splitlines():
        if line.startswith("| evil"):
            assert line.count("|") - line.count(r"\|") == 3
            assert "<" not in line.replace(r"\<", "")


def test_figures_as_data_cannot_end_their_script(new_source) -> None:
    trials = [(at(0.1), [2.0] * 3), (at(0.01), [1.5] * 3)]
    source = new_source(spec_of(), [1.0] * 3, trials)
    found = source.answer
    odd = replace(found.ranking[0], kind="evil</script><b>.py:one")
    answer = replace(found, ranking=(odd, *found.ranking[1:]))
    parsed = html(replace(source, picture=replace(source.picture, answer=answer)))
    data = json.loads(next(t for t in parsed.texts["script"] if t.startswith("{")))
    titles = [each["text"] for each in data["profile"]["layout"]["annotations"]]
    assert titles == ["evil&lt;/script&gt;&lt;b&gt;.py:one", "power"]


@pytest.mark.parametrize("form", FORMATS)
def test_studies_without_a_result_have_a_report_too(form: str, new_source) -> None:
    for base, failed in ((None, 0), (None, 3), ([1.0] * 3, 0), ([np.inf] * 3, 2)):
        text = FORMATS[form](report_page(new_source(spec_of(), base, failed=failed)))
        assert "No trial of the search has a score yet." in text
    source = new_source(spec_of(), None, [(at(0.1), [2.0] * 3)])
    assert "There is no baseline to compare it with." in FORMATS[form](report_page(source))


@pytest.mark.parametrize(
    ("base", "why"),
    [
        ([np.inf] * 3, "not all of their scores are finite numbers"),
        ([1.0, 2.0], "trial 1 has the scores of 3, the baseline of 2"),
    ],
)
def test_a_baseline_that_folds_cannot_be_paired_with_is_said_to_be_one(
    new_source, base, why: str
) -> None:
    source = new_source(spec_of(), base, [(at(0.1), [2.0] * 3)])
    for render in FORMATS.values():
        text = render(report_page(source))
        assert f"The best config cannot be compared with the baseline fold by fold: {why}." in text


def test_what_is_reproduced_is_the_config_that_the_verdict_is_about() -> None:
    trials = [(at(1e-3), [1.0, 1.1, 1.3]), (at(1e-2), [1.2, 1.2, 1.3])]
    study = study_of(spec_of(), [3.0, 3.2, 3.3], trials)
    source = source_of(study)
    assert "sweep export drawn --storage sqlite:///x.db -o best.toml " in FORMATS["md"](
        report_page(source)
    )
    source = source_of(study, confirmed=confirmation_of(study, {0: 3.0, 1: 2.9, 2: 2.0}))
    assert "sweep export drawn --storage sqlite:///x.db --trial 2 -o best" in FORMATS["md"](
        report_page(source)
    )


def test_warnings_are_told(new_source) -> None:
    source = new_source(spec_of(), [1.0] * 3, [(at(0.1), [2.0] * 3)])
    (block,) = [b for b in report_page(source).blocks if b.title == "Warnings"]
    assert block.parts == (Items(source.answer.warnings),)
    assert "Nothing found so far beats the baseline" in FORMATS["md"](report_page(source))


def test_two_objectives_have_their_front(new_source) -> None:
    trials = [(at(0.1), [2.0] * 3), (at(0.01), [1.0] * 3)]
    source = new_source(
        spec_of(score__second="kid"), [3.0] * 3, trials, seconds=[[0.1] * 3, [0.2] * 3]
    )
    text = FORMATS["md"](report_page(source))
    assert "### Pareto front: no trial is better in both" in text
    assert "| 2 | 1 | 0.2 |" in text and "| 1 | 2 | 0.1 |" in text


def test_code_with_fences_of_its_own_stays_one_block() -> None:
    page = Page("t", "s", (Block("b", "B", (Code("a\n```\n# b\n````", "toml"),)),))
    assert "`````toml\na\n```\n# b\n````\n`````" in FORMATS["md"](page)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("a_b*c", r"a\_b\*c"),
        ("# no heading", r"\# no heading"),
        ("- no item", r"\- no item"),
        ("1. no item", r"\1. no item"),
        ("two\nlines", "two lines"),
        ("a | b < c & d", r"a \| b \< c &amp; d"),
        ("-1.080 ± 0.4", "-1.080 ± 0.4"),
    ],
)
def test_text_is_shown_as_it_is(text: str, shown: str) -> None:
    assert escaped(text) == shown
