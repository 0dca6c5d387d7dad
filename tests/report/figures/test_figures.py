"""Every figure of every study, however odd; and what a picture reads."""

import json
import re
from dataclasses import replace

import numpy as np
import optuna
import pytest
from optuna_dashboard import save_plotly_graph_object
from optuna_dashboard._custom_plot_data import get_plotly_graph_objects
from sqlalchemy import event

from normsweep.errors import UserError
from normsweep.report.figures import FIGURES, drawn_figures, read_picture, titled
from normsweep.report.figures.style import COLOURS, DASHES, GREY, SYMBOLS
from normsweep.storage import open_storage, write_measurements
from normsweep.verdict.answers import answer
from normsweep.verdict.scaled import Scale

from .studies import at, confirmation_of, measured, picture_of, spec_of, study_of

TWO = spec_of(score__second="recall")
ODD = {
    "empty": (spec_of(), None, []),
    "the baseline alone": (spec_of(), [1.0, 2.0], []),
    "a single trial": (spec_of(), None, [(at(0.1), [1.0, 2.0, 3.0])]),
    "a single trial and the baseline": (spec_of(), [1.0] * 3, [(at(0.1), [1.0, 2.0, 3.0])]),
    "a fold missing": (spec_of(), [1.0] * 3, [(at(0.1), [1.0]), (at(0.01), [1.0, 2.0])]),
    "equal scores": (spec_of(), [1.0] * 3, [(at(10.0**-k), [1.0] * 3) for k in range(1, 6)] * 3),
    "one strength": (spec_of(), [1.0] * 3, [(at(0.1), [float(k)] * 3) for k in range(12)]),
    "infinite": (spec_of(), [np.inf] * 3, [(at(0.1), [np.inf] * 3)] * 12),
    "some infinite": (
        spec_of(),
        [1.0] * 3,
        [(at(10.0 ** -(1 + k / 4)), [np.inf if k % 3 == 0 else k + 1.0] * 3) for k in range(14)],
    ),
    "negative": (
        spec_of(score__metric="kid"),
        [-1.0] * 3,
        [(at(10.0 ** -(1 + k / 4)), [k - 3.0, k - 2.0, k - 1.0]) for k in range(14)],
    ),
    "two objectives": (
        TWO,
        [1.0] * 3,
        [(at(10.0 ** -(1 + k / 4)), [k + 1.0, k + 2.0, k + 3.0]) for k in range(14)],
    ),
}


@pytest.mark.parametrize("name", ODD)
@pytest.mark.parametrize("failed", [0, 3])
def test_every_figure_is_drawn_or_none_of_every_study(name: str, failed: int) -> None:
    spec, base, trials = ODD[name]
    study = study_of(spec, base, trials, failed=failed)
    count = len(study.get_trials())
    rows = [*measured(10, [1.0, np.nan, 2.0]), *measured(20, [1.0, 2.0])]
    for measurements in ({}, dict.fromkeys(range(count), rows)):
        for drawn in drawn_figures(picture_of(study, measurements)).values():
            title, found = drawn
            assert title
            assert found.alternative.endswith(".")
            assert not re.search(r"\b(nan|inf|None)\b", found.alternative)
            assert found.numbers.rows
            assert {len(row) for row in found.numbers.rows} == {len(found.numbers.columns)}
            # What a browser reads has no word for NaN, and strict JSON neither.
            json.loads(found.figure.to_json(), parse_constant=lambda word: pytest.fail(word))


def test_a_study_without_a_result_has_no_figures() -> None:
    for base in (None, [1.0] * 3):
        picture = picture_of(study_of(spec_of(), base, failed=4))
        assert drawn_figures(picture) == {}


def test_a_whole_study_has_all_figures() -> None:
    generator = np.random.default_rng(0)
    spec = spec_of(score__record=["generalisation_gap"])
    trials = []
    for _ in range(20):
        score = float(generator.uniform(1, 2))
        order, target = (
            float(generator.integers(1, 3)),
            str(generator.choice(["generator", "discriminator"])),
        )
        trials.append(
            (at(float(10 ** generator.uniform(-4, -1)), target, order), [score, score + 0.1])
        )
    recorded = [{"generator_zeros": 0.1}] * 20
    others = {"generalisation_gap": [0.1] * 2, "generator_zeros": [0.1] * 2}
    rows = [row for step in (10, 20) for row in measured(step, [1.0, 2.0], **others)]
    study = study_of(spec, [2.0, 2.1], trials, recorded=recorded)
    best = answer(study).ranking[0].number
    confirmed = confirmation_of(study, {0: 2.0, best: 1.0})
    picture = picture_of(study, dict.fromkeys(range(21), rows), confirmed)
    longer = Scale("longer", {"train.steps": 20_000}, confirmed)
    drawn = drawn_figures(replace(picture, scales=(longer,)))
    assert list(drawn) == list(FIGURES)
    for _, found in drawn.values():
        axes = [*found.figure.select_xaxes(), *found.figure.select_yaxes()]
        assert found.figure.layout.paper_bgcolor == "rgba(0, 0, 0, 0)"
        # Two lines of a page 390 pixels wide.
        assert 0 < len(found.caption) <= 88
        assert any(axis.title.text for axis in axes)


def test_a_picture_is_read_with_two_queries_of_the_measurements(
    storage_url: str,
) -> None:
    storage = open_storage(storage_url, create=True)
    trials = [(at(0.1 / k), [float(k), k + 0.5]) for k in range(1, 8)]
    studies = []
    for name in ("first", "second"):
        made = study_of(spec_of(study__name=name), [2.0, 2.5], trials, failed=1)
        optuna.copy_study(
            from_study_name=name,
            from_storage=made._storage,
            to_storage=storage,
        )
        studies.append(optuna.load_study(study_name=name, storage=storage))
    for study in studies:
        for trial in study.get_trials():
            rows = [
                type(row)(
                    **(row.__dict__ | {"trial_id": trial._trial_id, "fid": trial.number + row.fold})
                )
                for step in (20, 10)
                for row in measured(step, [1.0, 2.0], recall=[0.1, 0.2])
            ]
            write_measurements(storage.engine, rows)
    asked: list[str] = []
    event.listen(
        storage.engine, "before_cursor_execute", lambda *call: asked.append(call[2]), named=False
    )
    picture = read_picture(studies[1], storage)
    assert sum("FROM sweep_measurements" in statement for statement in asked) == 2
    assert picture.answer.study == "second"
    assert sorted(picture.measurements) == list(range(9))
    for number, rows in picture.measurements.items():
        assert [(row.step, row.fold, row.fid) for row in rows] == [
            (10, 0, number),
            (10, 1, number + 1),
            (20, 0, number),
            (20, 1, number + 1),
        ]
        assert rows[1].others == {"recall": 0.2}
    assert [trial.number for trial in picture.trials] == list(range(1, 8))
    assert [label for label, _ in picture.leaders()] == [
        "baseline",
        "best, trial 1",
        "trial 2",
        "trial 3",
    ]
    storage.engine.dispose()


@pytest.mark.parametrize(("count", "columns", "rows"), [(1, 1, 1), (2, 2, 1), (3, 3, 1), (5, 3, 2)])
def test_panels_stand_side_by_side_in_a_box(count: int, columns: int, rows: int) -> None:
    methods = {
        f"m{index}": {"gradient_penalty": {"kind": "r1", "strength": {"low": 0.1, "high": 1.0}}}
        for index in range(count)
    }
    trials = [
        ({"method": name, f"{name}.gradient_penalty.strength": 0.5}, [float(place)] * 3)
        for place, name in enumerate(methods, 1)
    ]
    picture = picture_of(study_of(spec_of(penalty={"form": "none"}, methods=methods), None, trials))
    _, drawn = drawn_figures(picture)["profile"]
    before = json.loads(drawn.figure.to_json())
    figure = titled("A <title>", drawn)
    across, up = (
        [a.domain for a in axes] for axes in (figure.select_xaxes(), figure.select_yaxes())
    )
    if count > 1:
        assert len(set(across)) == columns and len(set(up)) == rows
        boxes = [(*x, *y) for x, y in zip(across, up, strict=True)]
        for one, (left, right, low, high) in enumerate(boxes):
            assert 0 <= left < right <= 1 and 0 <= low < high <= 1
            for other in boxes[one + 1 :]:
                beside = right < other[0] or other[1] < left or high < other[2] or other[3] < low
                assert beside
        words = figure.layout.annotations
        assert [each.text for each in words] == list(methods)
        assert [(each.x, each.y) for each in words] == [
            (x[0], y[1]) for x, y in zip(across, up, strict=True)
        ]
    assert figure.layout.title.text == "A &lt;title&gt;"
    assert json.loads(drawn.figure.to_json()) == before


def test_the_optuna_dashboard_keeps_figures_with_their_titles(storage_url: str) -> None:
    storage = open_storage(storage_url, create=True)
    made = study_of(spec_of(), [2.0] * 3, [(at(0.1 / k), [float(k)] * 3) for k in range(1, 8)])
    optuna.copy_study(from_study_name="drawn", from_storage=made._storage, to_storage=storage)
    study = optuna.load_study(study_name="drawn", storage=storage)
    drawn = drawn_figures(read_picture(study, storage))
    for _ in range(2):  # the second takes the place of the first
        for name, (title, found) in drawn.items():
            save_plotly_graph_object(study, titled(title, found), graph_object_id=name)
    kept = get_plotly_graph_objects(storage.get_study_system_attrs(study._study_id))
    assert set(kept) == set(drawn) >= {"profile", "budget"}
    for name, (title, found) in drawn.items():
        layout = json.loads(kept[name])["layout"]
        assert layout["title"]["text"] == title
        assert found.figure.layout.title.text is None
        assert "height" not in layout
    storage.engine.dispose()


def test_a_study_of_plain_optuna_is_refused(storage_url: str) -> None:
    storage = open_storage(storage_url, create=True)
    study = optuna.create_study(study_name="plain", storage=storage)
    with pytest.raises(UserError, match="not made by sweep"):
        read_picture(study, storage)
    storage.engine.dispose()


def luminance(colour: str) -> float:
    """Relative luminance, WCAG 2.2."""
    parts = [int(colour[start : start + 2], 16) / 255 for start in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in parts]
    return float(np.dot([0.2126, 0.7152, 0.0722], linear))


@pytest.mark.parametrize("colour", [*COLOURS, GREY])
@pytest.mark.parametrize("page", ["#ffffff", "#16181d"])
def test_every_colour_can_be_told_from_a_light_and_from_a_dark_page(colour: str, page: str) -> None:
    dark, light = sorted([luminance(colour), luminance(page)])
    assert (light + 0.05) / (dark + 0.05) >= 3


def test_what_differs_in_colour_differs_in_dash_and_symbol_too() -> None:
    assert len(set(COLOURS)) == len(set(DASHES)) == len(set(SYMBOLS)) == 6
