"""Score against strength: which trials share a panel and a line, and what is drawn of them."""

import numpy as np
import pytest
from optuna.trial import TrialState

from normsweep.report.figures.order_map import order_map, surface
from normsweep.report.figures.profile import lines, order_parts, profile
from normsweep.report.figures.scale import Scale, scale_of
from normsweep.report.figures.strengths import panels, parameter_name

from .studies import at, error_of, picture_of, spec_of, study_of

STRENGTHS = np.geomspace(1e-5, 1e-1, 9)
CONTINUOUS = {"low": 1.0, "high": 2.0}


def valley(strength: float, depth: float = 1.0) -> list[float]:
    """The scores of three folds: least at λ = 10⁻³."""
    score = depth + (np.log10(strength) + 3) ** 2 / 4
    return [score - 0.1, score, score + 0.1]


def grid(order_deeper: float = 0.5):
    """Two targets and two orders at nine strengths; the discriminator and p = 2 do better."""
    return [
        (
            at(s, target, order),
            valley(s, 2 - (target == "discriminator") - order_deeper * (order == 2)),
        )
        for s in STRENGTHS.tolist()
        for target in ("generator", "discriminator")
        for order in (1.0, 2.0)
    ]


def test_each_target_has_its_panel_that_of_the_best_first() -> None:
    picture = picture_of(study_of(spec_of(), [2.5, 2.6, 2.7], grid()))
    shown = panels(picture.answer.ranking)
    assert [panel.title for panel in shown] == ["discriminator", "generator"]
    assert [len(panel.entries) for panel in shown] == [18, 18]
    assert {panel.axis for panel in shown} == {"strength λ"}
    assert all(panel.logarithmic for panel in shown)
    best = shown[0].entries[0]
    assert best.parameters["penalty.strength"] == pytest.approx(1e-3)
    assert sorted(set(shown[0].strengths)) == pytest.approx(STRENGTHS.tolist())


def test_panels_on_one_axis_have_one_scale() -> None:
    """Plotly draws axes of two types that match each at its own, side by side."""
    spec = spec_of(penalty__order=2.0)
    strengths = {"generator": (1e-5, 1e-1), "discriminator": (2e-3, 6e-3)}
    trials = [
        ({"penalty.strength": s, "penalty.target": target}, valley(s))
        for target, both in strengths.items()
        for s in both
    ]
    picture = picture_of(study_of(spec, [2.5] * 3, trials))
    assert [panel.logarithmic for panel in panels(picture.answer.ranking)] == [True, True]
    drawn = profile(picture)
    assert drawn is not None
    assert {axis.type for axis in drawn.figure.select_xaxes()} == {"log"}


def test_each_order_that_was_chosen_from_a_few_has_its_line_with_a_curve() -> None:
    picture = picture_of(study_of(spec_of(), [2.5] * 3, grid()))
    shown = panels(picture.answer.ranking)
    parts = order_parts(shown)
    found = lines(shown[0], scale_of([1.0, 2.0]), parts)
    assert [line.label for line in found] == ["p = 1", "p = 2"]
    for line, depth in zip(found, (1.0, 0.5), strict=True):
        assert sorted(line.strengths) == pytest.approx(STRENGTHS.tolist())
        expected = depth + (np.log10(line.at) + 3) ** 2 / 4
        assert line.mean == pytest.approx(expected, abs=0.05)
        assert (line.low <= expected).all() and (expected <= line.high).all()
        assert line.errors == pytest.approx(np.full(9, error_of([0.0, 0.1, 0.2])))


def test_orders_from_an_interval_are_two_halves_where_there_are_trials_enough() -> None:
    spec = spec_of(penalty__order=CONTINUOUS, penalty__target="both")
    generator = np.random.default_rng(0)
    for count, labels in ((30, ["p < 1.5", "p ≥ 1.5"]), (9, [""])):
        orders = np.linspace(1, 2, count)
        strengths = 10 ** generator.uniform(-5, -1, count)
        trials = [
            ({"penalty.strength": float(s), "penalty.order": float(p)}, valley(s))
            for s, p in zip(strengths, orders, strict=True)
        ]
        shown = panels(picture_of(study_of(spec, None, trials)).answer.ranking)
        found = lines(shown[0], Scale(False), order_parts(shown))
        assert [line.label for line in found] == labels
        assert sum(len(line.numbers) for line in found) == count


def test_trials_of_one_order_need_no_word_about_it() -> None:
    spec = spec_of(penalty__order=2.0)
    trials = [
        ({"penalty.strength": s, "penalty.target": "generator"}, valley(s)) for s in (0.1, 0.01)
    ]
    shown = panels(picture_of(study_of(spec, None, trials)).answer.ranking)
    assert order_parts(shown) == ()
    (line,) = lines(shown[0], Scale(False))
    assert line.label == ""
    assert line.at.size == 0  # two points are no curve


def test_methods_have_panels_on_axes_of_their_own() -> None:
    interval = {"low": 0.1, "high": 10.0, "log": True}
    methods = {
        "lasso": {"penalty": {"form": "power", "order": 1.0, "strength": interval}},
        "ball": {"penalty": {"form": "l2_ball", "radius": interval}},
        "r1": {"gradient_penalty": {"kind": "r1", "strength": interval}},
        "drop": {"model": {"discriminator_dropout": {"low": 0.1, "high": 0.4}}},
        "spectral": {"model": {"discriminator_normalisation": "spectral"}},
    }
    trials = [
        ({"method": "lasso", "lasso.penalty.strength": 1.0}, [1.0] * 3),
        ({"method": "ball", "ball.penalty.radius": 2.0}, [2.0] * 3),
        ({"method": "r1", "r1.gradient_penalty.strength": 3.0}, [3.0] * 3),
        ({"method": "drop", "drop.model.discriminator_dropout": 0.2}, [4.0] * 3),
        ({"method": "drop", "drop.model.discriminator_dropout": 0.4}, [4.5] * 3),
        ({"method": "spectral"}, [5.0] * 3),
    ]
    picture = picture_of(
        study_of(spec_of(penalty={"form": "none"}, methods=methods), [6.0] * 3, trials)
    )
    shown = panels(picture.answer.ranking)
    assert [(panel.title, panel.axis, panel.logarithmic) for panel in shown] == [
        ("lasso", "strength λ", True),
        ("ball", "radius", True),
        ("r1", "weight of the gradient penalty", True),
        ("drop", "discriminator dropout", False),
    ]
    drawn = profile(picture)
    assert drawn is not None
    assert "r1: best 3 ± 0 at weight of the gradient penalty = 3 (1 trial)" in drawn.alternative
    assert [axis.title.text for axis in drawn.figure.select_xaxes()] == [p.axis for p in shown]


def test_networks_with_strengths_of_their_own_have_axes_of_their_own() -> None:
    spec = spec_of(penalty__separate_strengths=True, penalty__order=2.0, penalty__target="both")
    chosen = {"penalty.generator_strength": 0.1, "penalty.discriminator_strength": 0.001}
    shown = panels(picture_of(study_of(spec, None, [(chosen, [1.0] * 3)])).answer.ranking)
    assert sorted(panel.axis for panel in shown) == [
        "strength λ of the discriminator",
        "strength λ of the generator",
    ]


def test_the_figure_shows_points_errors_baseline_and_best() -> None:
    base = [2.5, 2.6, 2.7]
    picture = picture_of(study_of(spec_of(), base, grid()))
    drawn = profile(picture)
    assert drawn is not None
    traces = list(drawn.figure.data)
    points = [trace for trace in traces if trace.mode == "markers" and trace.name != "best"]
    assert sum(len(trace.x) for trace in points) == 36
    assert all(len(trace.error_y.array) == len(trace.y) for trace in points)
    (star,) = [trace for trace in traces if trace.name == "best"]
    best = picture.answer.best
    assert (star.x[0], star.y[0]) == (best.parameters["penalty.strength"], best.score)
    level = [trace for trace in traces if trace.name == "baseline ± s.e."]
    assert len(level) == 2 and list(level[0].y) == pytest.approx([2.6, 2.6])
    # Lines are told apart without colour.
    assert len({trace.marker.symbol for trace in points}) == 2
    assert (
        len(
            {
                t.line.dash
                for t in traces
                if t.mode == "lines" and t.hoverinfo == "skip" and not t.fill
            }
        )
        == 2
    )
    assert "Baseline 2.6 ± 0.05774." in drawn.alternative
    assert (
        "discriminator: best 0.5 ± 0.05774 at strength λ = 0.001 (18 trials)" in drawn.alternative
    )
    assert len(drawn.numbers.rows) == 36
    assert drawn.figure.layout.yaxis.title.text == "FID-proxy ± s.e."
    assert drawn.figure.layout.xaxis.type == "log"


@pytest.mark.parametrize(
    ("of_spectral", "star"), [(0.5, "best with a strength"), (1.5, "best"), (3.5, "best")]
)
def test_the_star_is_called_best_only_where_it_is_the_best_of_all(
    of_spectral: float, star: str
) -> None:
    interval = {"low": 0.1, "high": 10.0, "log": True}
    methods = {
        "lasso": {"penalty": {"form": "power", "order": 1.0, "strength": interval}},
        "spectral": {"model": {"discriminator_normalisation": "spectral"}},
    }
    trials = [
        ({"method": "lasso", "lasso.penalty.strength": 1.0}, [1.0] * 3),
        ({"method": "spectral"}, [of_spectral] * 3),
        ({"method": "lasso", "lasso.penalty.strength": 2.0}, [2.0] * 3),
    ]
    spec = spec_of(penalty={"form": "none"}, methods=methods)
    drawn = profile(picture_of(study_of(spec, [6.0] * 3, trials)))
    assert drawn is not None
    (found,) = [t for t in drawn.figure.data if t.mode == "markers" and "best" in t.name]
    assert (found.name, found.y[0]) == (star, 1.0)
    assert found.hovertemplate.startswith(f"{star}, trial 1: 1")


def test_scores_that_diverged_make_the_axis_logarithmic_and_infinite_ones_are_left_out() -> None:
    trials = [(at(s), valley(s)) for s in STRENGTHS.tolist()]
    trials += [(at(0.09), [500.0, 600.0, 700.0]), (at(0.05), [np.inf] * 3)]
    drawn = profile(picture_of(study_of(spec_of(), [2.5] * 3, trials)))
    assert drawn is not None
    assert drawn.figure.layout.yaxis.type == "log"
    assert len(drawn.numbers.rows) == 10
    assert "log scores" in drawn.how


def test_higher_is_better_where_the_metric_says_so() -> None:
    spec = spec_of(score__metric="coverage")
    study = study_of(spec, [0.5] * 3, [(at(0.1), [0.6] * 3), (at(0.01), [0.9] * 3)])
    drawn = profile(picture_of(study))
    assert drawn is not None
    assert "best 0.9 ± 0 at strength λ = 0.01" in drawn.alternative
    assert drawn.figure.layout.yaxis.title.text == "coverage ± s.e."


def test_a_fold_alone_has_no_error_to_show() -> None:
    drawn = profile(
        picture_of(study_of(spec_of(), [1.0], [(at(0.1), [2.0]), (at(0.01), [1.0, 1.5])]))
    )
    assert drawn is not None
    assert "nan" not in drawn.alternative + str(drawn.numbers)


def test_the_map_has_a_surface_where_strength_and_order_vary() -> None:
    spec = spec_of(penalty__order=CONTINUOUS, penalty__target="both")
    generator = np.random.default_rng(0)
    trials = []
    for _ in range(40):
        s, p = float(10 ** generator.uniform(-5, -1)), float(generator.uniform(1, 2))
        score = 1 + (np.log10(s) + 3) ** 2 / 4 + (p - 1.5) ** 2
        trials.append(({"penalty.strength": s, "penalty.order": p}, [score] * 3))
    picture = picture_of(study_of(spec, [3.0] * 3, trials))
    (panel,) = panels(picture.answer.ranking)
    found = surface(panel, Scale(False))
    at_log, at_order = np.meshgrid(np.log10(found.strengths), found.orders)
    expected = 1 + (at_log + 3) ** 2 / 4 + (at_order - 1.5) ** 2
    assert np.abs(found.mean - expected).max() < 0.1
    drawn = order_map(picture)
    assert drawn is not None
    assert [trace.type for trace in drawn.figure.data] == ["contour", "scatter", "scatter"]
    assert drawn.figure.layout.yaxis.title.text == "order p"
    assert len(drawn.numbers.rows) == 40


def test_few_trials_are_a_map_without_a_surface() -> None:
    trials = [(at(s, order=p), valley(s)) for s, p in ((0.1, 1.0), (0.01, 2.0), (0.001, 1.0))]
    drawn = order_map(picture_of(study_of(spec_of(), None, trials)))
    assert drawn is not None
    assert {trace.type for trace in drawn.figure.data} == {"scatter"}
    assert "surface" not in drawn.alternative


def test_there_is_no_map_where_one_of_both_is_fixed() -> None:
    trials = [(at(s, order=1.0), valley(s)) for s in (0.1, 0.01, 0.001)]
    assert order_map(picture_of(study_of(spec_of(), None, trials))) is None
    trials = [(at(0.1, order=p), valley(0.1)) for p in (1.0, 2.0)]
    assert order_map(picture_of(study_of(spec_of(), None, trials))) is None


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("penalty.strength", "λ"),
        ("penalty.order", "p"),
        ("penalty.target", "target"),
        ("method", "method"),
        ("lasso.penalty.strength", "lasso: λ"),
        ("train.generator_learning_rate", "generator learning rate"),
        ("gradient_penalty.kind", "gradient penalty.kind"),
        ("drop.model.discriminator_dropout", "drop: discriminator dropout"),
    ],
)
def test_settings_are_called_by_the_words_of_the_field(path: str, name: str) -> None:
    assert parameter_name(path) == name


def pruned_last(count: int):
    """The valley on the generator, of whose strengths the last so many were pruned."""
    study = study_of(spec_of(), [2.5] * 3, [(at(s), valley(s)) for s in STRENGTHS.tolist()])
    for trial in study.get_trials(deepcopy=False)[-count:]:
        trial.state = TrialState.PRUNED
    return study


def test_pruned_trials_are_hollow_and_no_curve_goes_through_them() -> None:
    whole, some = (picture_of(pruned_last(count)) for count in (2, 4))
    drawn = profile(some)
    assert drawn is not None
    (hollow,) = [trace for trace in drawn.figure.data if trace.name == "pruned"]
    assert hollow.marker.symbol == "circle-open"
    assert list(hollow.x) == pytest.approx(STRENGTHS[-4:])
    assert list(hollow.y) == pytest.approx([np.mean(valley(s)) for s in STRENGTHS[-4:]])
    assert list(hollow.customdata[0]) == [6, 40]
    assert "(5 trials, 4 pruned)" in drawn.alternative
    assert "Hollow: pruned" in drawn.caption
    assert [row[0] for row in drawn.numbers.rows][-4:] == [f"{n}, pruned" for n in range(6, 10)]
    # The axis is that of all of them, the curve that of the others.
    (panel,) = panels(some.answer.ranking, some.answer.pruned)
    assert panel.span == pytest.approx((1e-5, 1e-1))
    (line,) = lines(panel, scale_of([1.0, 2.0]))
    assert line.strengths.max() == pytest.approx(STRENGTHS[4])
    assert len(panels(whole.answer.ranking, whole.answer.pruned)[0].pruned) == 2


def test_a_panel_of_pruned_trials_alone_is_none() -> None:
    trials = [(at(0.1), [2.0] * 3), (at(0.1, "discriminator"), [9.0] * 3)]
    study = study_of(spec_of(), [2.5] * 3, trials)
    study.get_trials(deepcopy=False)[-1].state = TrialState.PRUNED
    picture = picture_of(study)
    (panel,) = panels(picture.answer.ranking, picture.answer.pruned)
    assert panel.pruned == ()
    drawn = profile(picture)
    assert drawn is not None and "runed" not in drawn.caption + drawn.alternative
