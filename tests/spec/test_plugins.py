"""A user's own files: what is loaded from them, and what is said of their mistakes."""

from pathlib import Path
from textwrap import dedent
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from normsweep.errors import UserError
from normsweep.models.method import Method, NetworkPenalty
from normsweep.models.regulariser import regularised_update, regulariser
from normsweep.objectives.features import FEATURE_MAPS, FeatureMap
from normsweep.objectives.penalties import PENALTIES
from normsweep.score.setup import Setup, prepare
from normsweep.score.training import is_of_no_trial
from normsweep.spec import spec_from_tables
from normsweep.spec.plugins import (
    FORBIDDEN_VARIABLE,
    check_features,
    check_penalty,
    fault_of_plugin,
    is_plugin,
    load_plugin,
    plugin_feature_map,
    plugin_penalty,
)

PENALTIES_FILE = '''
import jax
import jax.numpy as jnp
from normsweep.objectives.penalties import PENALTIES

def ridge(params, strength):
    """strength · Σw², written by a user.

    More of it.
    """
    return strength * sum(jnp.sum(w * w) for w in jax.tree.leaves(params))

def all_of_them(params, *, order, l2, strength, l1, epsilon=1.0):
    return strength + order + l1 + l2

def vector(params, strength):
    return strength * jnp.ones(3)

def failing(params, strength):
    raise RuntimeError("not today")

jitted = jax.jit(ridge)
ours = PENALTIES["power"]
number = 3

def no_strength(params, order): ...
def nothing(): ...
def unknown(params, strength, radius): ...
def many(params, **coefficients): ...
'''

FEATURES_FILE = """
import jax.numpy as jnp
import numpy as np
from normsweep.objectives.features import FEATURE_MAPS

def embed(images):
    return images.reshape(len(images), -1)[:, ::5]

def doubled(images):
    return (2 * embed(images)).astype(jnp.bfloat16)

ours = FEATURE_MAPS["pca"]
number = 3

def flat(images):
    return images.reshape(-1)

def wide(images):
    return jnp.zeros((len(images), 65))

def in_numpy(images):
    return np.asarray(images).reshape(len(images), -1)[:, :5]

def not_finite(images):
    return embed(images) / 0
"""


@pytest.fixture
def write(tmp_path: Path) -> Any:
    """Writes a file of a user's, and returns the beginning of references into it."""

    def write(text: str, name: str = "mine.py") -> str:
        (tmp_path / name).write_text(dedent(text), encoding="utf-8")
        return f"{tmp_path / name}:"

    return write


def message_of(function: Any, *arguments: Any) -> str:
    with pytest.raises(UserError) as caught:
        function(*arguments)
    return str(caught.value)


def test_a_reference_is_told_from_a_name():
    assert is_plugin("mine.py:embed") and is_plugin("/a folder/mine.py:embed")
    assert not is_plugin("pca") and not is_plugin("mine.py")


def test_the_object_is_the_same_each_time_and_its_file_is_run_once(write):
    mine = write(
        """
        from pathlib import Path
        log = Path(__file__).with_name("log")
        log.write_text(log.read_text() + "run " if log.exists() else "run ")
        first, second = object(), object()
        """
    )
    assert load_plugin(mine + "first", "field") is load_plugin(mine + "first", "field")
    assert load_plugin(mine + "second", "field") is not load_plugin(mine + "first", "field")
    assert Path(mine[:-1]).with_name("log").read_text() == "run "


def test_a_relative_path_is_from_the_current_folder(write, tmp_path, monkeypatch):
    mine = write("name = 'of the test'")
    monkeypatch.chdir(tmp_path)
    assert load_plugin("mine.py:name", "field") == "of the test"
    assert load_plugin(mine + "name", "field") == "of the test"


def test_files_named_as_our_packages_collide_with_nothing(write, tmp_path):
    from normsweep import models

    (tmp_path / "models").mkdir()
    mine = write("name = 'of the user'", "models/models.py")
    also = write("name = 'another'", "models.py")
    assert load_plugin(mine + "name", "field") == "of the user"
    assert load_plugin(also + "name", "field") == "another"
    from normsweep import models as again

    assert again is models and not hasattr(models, "name")


def test_a_file_may_define_data_classes(write):
    mine = write(
        """
        from __future__ import annotations
        import dataclasses
        @dataclasses.dataclass
        class Thing:
            number: int = 4
        """
    )
    assert load_plugin(mine + "Thing", "field")().number == 4


@pytest.mark.parametrize("reference", ["mine.py:", "mine.py:a b", "mine.py", "mine.py:a:b.c"])
def test_what_is_no_reference_is_refused(reference):
    message = message_of(load_plugin, reference, "score.features")
    assert message == f"score.features = {reference!r}: accepted is path/to/file.py:name"


def test_a_missing_file_is_named(tmp_path):
    reference = f"{tmp_path / 'none.py'}:f"
    message = message_of(load_plugin, reference, "penalty.form")
    assert message == f"penalty.form = {reference!r}: no such file: {tmp_path / 'none.py'}"


def test_a_missing_name_is_answered_with_those_there_are(write):
    mine = write(
        """
        import math
        from pathlib import Path
        def embed(images): ...
        alike = 3
        _hidden = 4
        """
    )
    message = message_of(load_plugin, mine + "embedd", "score.features")
    assert message == (
        f"score.features = {mine + 'embedd'!r}: no 'embedd' in mine.py; there are: alike, embed"
    )


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a = 1\nb = a / 0\n", "mine.py, line 2: ZeroDivisionError: division by zero"),
        ("def f(:\n", "mine.py, line 1: SyntaxError: "),
        ("import no_such_package\n", "mine.py, line 1: ModuleNotFoundError: No module named"),
        ("import sys\n\nsys.exit('done')\n", "mine.py, line 3: SystemExit: done"),
        ("assert False\n", "mine.py, line 1: AssertionError"),
    ],
)
def test_a_file_that_fails_is_told_with_the_error_and_its_line(write, text, expected):
    mine = write(text)
    for _ in range(2):
        assert expected in message_of(load_plugin, mine + "f", "score.features")


def test_what_a_plug_in_raises_later_is_told_from_what_others_raise(write):
    mine = write("""
        import jax

        def now(x):
            raise ValueError("not today")

        def later(x):
            return jax.pure_callback(now, x, x)
        """)
    for name in ("now", "later"):
        with pytest.raises(Exception, match="not today") as raised:
            jax.block_until_ready(jax.jit(load_plugin(mine + name, "f"))(1.0))
        assert fault_of_plugin(raised.value) == "mine.py, line 5: ValueError: not today"
        # Nor is it a fault of the machine, as XLA tells what a callback raises.
        assert not is_of_no_trial(raised.value)
    with pytest.raises(ZeroDivisionError) as ours:
        1 / 0  # noqa: B018
    assert fault_of_plugin(ours.value) is None


def test_no_plug_in_is_run_where_they_are_forbidden(write, tmp_path, monkeypatch):
    monkeypatch.setenv(FORBIDDEN_VARIABLE, "1")
    ran = tmp_path / "ran"
    mine = write(f"open({str(ran)!r}, 'w')\ndef ridge(params, strength): ...")
    penalty = {"form": "power", "order": 2, "strength": 1.0}
    for tables in (
        {"penalty": {"form": mine + "ridge", "strength": 1.0}},
        {"penalty": penalty, "score": {"features": mine + "embed"}},
    ):
        message = message_of(lambda tables=tables: prepare(spec_from_tables(tables, "f")))
        assert "a file of code, which --no-plugins (SWEEP_NO_PLUGINS) forbids to run" in message
        assert mine in message
    assert not ran.exists()


def test_a_mended_file_is_loaded(write):
    mine = write("f = 1 / 0")
    message_of(load_plugin, mine + "f", "field")
    write("f = 5  # and so of another size")
    assert load_plugin(mine + "f", "field") == 5


def test_a_penalty_is_read_off_a_function(write):
    reference = write(PENALTIES_FILE) + "ridge"
    found = plugin_penalty(reference)
    assert found is plugin_penalty(reference)
    assert found.coefficients == ("strength",)
    assert found.summary == "strength · Σw², written by a user." and found.source == reference
    params = {"a": jnp.array([1.0, -2.0]), "b": None, "c": {"d": jnp.array([[0.0, 3.0]])}}
    strength = jnp.float32(0.5)
    assert float(jax.jit(found.value)(params, strength=strength)) == 0.5 * 14
    gradient = jax.jit(found.gradient)(params, strength=strength)
    jax.tree.map(np.testing.assert_array_equal, gradient, params)


def test_a_penalty_takes_any_of_the_coefficients_by_name(write):
    mine = write(PENALTIES_FILE)
    found = plugin_penalty(mine + "all_of_them")
    assert sorted(found.coefficients) == ["l1", "l2", "order", "strength"]
    assert found.value({}, strength=1.0, order=2.0, l1=3.0, l2=4.0) == 10.0
    assert plugin_penalty(mine + "jitted").coefficients == ("strength",)
    assert plugin_penalty(mine + "ours") is PENALTIES["power"]


@pytest.mark.parametrize("name", ["number", "no_strength", "nothing", "unknown", "many"])
def test_what_is_no_penalty_is_refused(write, name):
    reference = write(PENALTIES_FILE) + name
    message = message_of(plugin_penalty, reference)
    assert message.startswith(f"penalty.form = {reference!r}: ")
    assert "any of strength, order, l1, l2" in message


def test_a_penalty_is_traced_before_it_is_trained_with(write):
    mine = write(PENALTIES_FILE)
    params = {"kernel": jax.ShapeDtypeStruct((3, 2), np.float32), "bias": None}
    check_penalty(mine + "ridge", params)
    assert "returns (3,); accepted is a function" in message_of(
        check_penalty, mine + "vector", params
    )
    failing = message_of(check_penalty, mine + "failing", params)
    assert "mine.py, line 20: RuntimeError: not today" in failing


OBJECTS_FILE = """
import jax
import jax.numpy as jnp
from normsweep.objectives.penalties import PENALTIES, Penalty

def ridge(params, strength, state=None):
    return strength * sum(jnp.sum(w * w) for w in jax.tree.leaves(params))

def slope(params, strength, state=None):
    return jax.tree.map(lambda w: 2 * strength * w, params)

def shrunk(params, step, strength, state=None):
    return jax.tree.map(lambda w: w / (1 + 2 * step * strength), params)

def first(params):
    return jax.tree.map(jnp.zeros_like, params)

def following(params, state):
    return jax.tree.map(lambda w, s: (w + s) / 2, params, state)

def made(gradient=slope, **others):
    return Penalty(ridge, gradient, ("strength",), "mine", "me", **others)

spectral, power = PENALTIES["spectral"], PENALTIES["power"]
with_state = made(proximal=shrunk, initial_state=first, advance=following)
to_state = lambda params, step, strength, state: state
halving = made(proximal=to_state, initial_state=first, advance=following)
flat = made(lambda params, strength: jax.tree.map(jnp.ravel, params))
whole = made(lambda params, strength: jax.tree.map(lambda w: w.astype(int), params))
listed = made(lambda params, strength: jax.tree.leaves(params))
summed = made(proximal=lambda params, step, strength: ridge(params, strength))
growing = made(initial_state=first, advance=lambda params, state: (state, state))
still = made(initial_state=first)
"""


@pytest.mark.parametrize("name", ["spectral", "power", "with_state"])
@pytest.mark.parametrize("layered", [False, True])
def test_a_penalty_with_a_state_or_a_step_of_its_own_is_accepted(write, name, layered):
    params = {"kernel": jax.ShapeDtypeStruct((3, 2), np.float32), "bias": None}
    check_penalty(write(OBJECTS_FILE) + name, params, layered=layered)


def test_a_step_of_its_own_is_given_the_state(write):
    penalty = plugin_penalty(write(OBJECTS_FILE) + "halving")
    method = Method(penalty=penalty, coupling="proximal")
    params = {"kernel": jnp.full((2, 2), 4.0), "bias": jnp.ones(2)}
    optimizer = optax.sgd(1.0)
    zeros = jax.tree.map(jnp.zeros_like, params)
    own = regulariser(method, NetworkPenalty(), 1.0)
    found, _, states = regularised_update(
        *({"net": own}, optimizer, {"net": zeros}, optimizer.init({"net": params})),
        *({"net": own.init(params)}, {"net": params}),
    )
    moved, (_, _, (state,)) = found["net"], states["net"]
    # From a state of 0, the next one is half of the weights, and the step goes there.
    np.testing.assert_array_equal(moved["kernel"], np.full((2, 2), 2.0))
    np.testing.assert_array_equal(moved["bias"], params["bias"])
    jax.tree.map(np.testing.assert_array_equal, state["kernel"], moved["kernel"])


@pytest.mark.parametrize(
    ("name", "fault"),
    [
        ("flat", "its gradient has float32[6] at kernel, not float32[3, 2]; accepted is a tree of"),
        ("whole", "its gradient has int32[3, 2] at kernel, not float32[3, 2]; accepted is a tree"),
        ("listed", "its gradient is a tree of another structure; accepted is a tree of the"),
        ("summed", "its proximal step is a tree of another structure; accepted is a tree of the"),
        ("growing", "its next state is a tree of another structure; accepted is a tree of the"),
        ("still", "has one of initial_state and advance; accepted: both or none"),
    ],
)
def test_a_penalty_whose_functions_do_not_fit_the_weights_is_refused(write, name, fault):
    params = {"kernel": jax.ShapeDtypeStruct((3, 2), np.float32), "bias": None}
    reference = write(OBJECTS_FILE) + name
    message = message_of(check_penalty, reference, params)
    assert message.startswith(f"penalty.form = {reference!r}: {fault}")
    assert len(message.splitlines()) == 1


def test_a_feature_map_is_made_of_a_function(write):
    reference = write(FEATURES_FILE) + "embed"
    found = plugin_feature_map(reference)
    assert isinstance(found, FeatureMap) and found is plugin_feature_map(reference)
    assert not found.needs_labels and found.source == reference
    images = np.random.default_rng(0).uniform(-1, 1, (4, 5, 5, 1)).astype(np.float32)
    params = found.fit(jax.random.key(0), images, None, 32)
    features = jax.jit(found.apply)(params, images)
    np.testing.assert_array_equal(features, images.reshape(4, -1)[:, ::5])
    assert check_features(reference, found.apply, params, images) == 5


def test_features_of_another_float_type_become_float32(write):
    found = plugin_feature_map(write(FEATURES_FILE) + "doubled")
    assert found.apply({}, jnp.ones((2, 5, 5, 1))).dtype == jnp.float32


def test_a_feature_map_of_ours_is_taken_as_it_is(write):
    assert plugin_feature_map(write(FEATURES_FILE) + "ours") is FEATURE_MAPS["pca"]


@pytest.mark.parametrize(
    ("name", "fault"),
    [
        ("flat", r"returns the shape [128] for images [2, 8, 8, 1]"),
        ("wide", "returns the shape [2, 65] for images"),
        ("in_numpy", "mine.py, line 22: TracerArrayConversionError"),
        ("number", "it is of type int"),
        ("not_finite", "are not all finite"),
        ("missing", "no 'missing' in mine.py"),
    ],
)
def test_features_that_cannot_be_used_are_refused_before_anything_is_trained(write, name, fault):
    reference = write(FEATURES_FILE) + name
    message = message_of(prepared, reference)
    assert message.startswith(f"score.features = {reference!r}") and fault in message


def prepared(features: str, **score: Any) -> Setup:
    tables = {
        "data": {"source": "digits", "limit": 200},
        "score": {"folds": 2, "features": features} | score,
    }
    return prepare(spec_from_tables(tables, "the test's spec"))


def test_a_study_is_judged_by_a_users_features(write):
    setup = prepared(write(FEATURES_FILE) + "embed")
    held_out = setup.dataset.images[setup.plan.held_out[0]].reshape(-1, 64)[:, ::5]
    assert setup.judge.measure(0, held_out)["fid"] == pytest.approx(0, abs=1e-5)
    assert setup.judge.measure(0, held_out + 1)["fid"] == pytest.approx(13, rel=1e-4)
    assert setup.feature_accuracy is None


def test_more_features_than_images_compared_are_refused(write):
    reference = write(FEATURES_FILE) + "embed"
    message = message_of(lambda: prepared(reference, samples=13))
    assert "returns 13 features: accepted are fewer features than the 13 images" in message


def test_the_fingerprint_changes_with_what_is_computed_and_not_with_a_comment(write):
    names = ("one.py", "two.py", "three.py")
    text = FEATURES_FILE
    texts = (text, text + "# a comment", text.replace("::5", "::4"))
    found = [
        prepared(write(text, name) + "embed").feature_fingerprint
        for text, name in zip(texts, names, strict=True)
    ]
    assert found[0] == found[1] != found[2]


def test_a_map_that_is_fitted_has_its_parameters_and_our_own_scores(write):
    theirs = prepared(write(FEATURES_FILE) + "ours", dimension=8)
    ours = prepared("pca", dimension=8)
    fake = np.random.default_rng(0).normal(size=(theirs.samples, 8)).astype(np.float32)
    assert theirs.judge.measure(0, fake) == ours.judge.measure(0, fake)


def test_a_penalty_that_cannot_be_used_is_refused_before_anything_is_trained(write):
    mine = write(PENALTIES_FILE)
    tables = {
        "data": {"source": "digits", "limit": 200},
        "penalty": {"form": mine + "failing", "strength": [1e-4, 1e-2]},
        "score": {"folds": 2, "features": "pca", "dimension": 8},
    }
    message = message_of(lambda: prepare(spec_from_tables(tables, "the test's spec")))
    assert "RuntimeError: not today" in message
