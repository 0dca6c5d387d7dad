"""What networks of the user's own must do is tried at launch, and told in one message each."""

import copy
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from normsweep.data.dataset import make_dataset
from normsweep.errors import UserError
from normsweep.score.own_networks import check_own_networks
from normsweep.spec import spec_from_tables
from normsweep.spec.plugins import look_again

MINE = """
import itertools

import jax
import jax.numpy as jnp
import numpy as np

from normsweep.models import OwnModel, OwnNetwork

CALLS = itertools.count()


def init_of(inputs, outputs):
    def init(key):
        return {"kernel": jax.random.normal(key, (inputs, outputs)) / 4}, {}

    return init


def paint(params, state, z, y, key, train):
    return jnp.tanh(z @ params["kernel"]).reshape(-1, 4, 4, 1), state


def judge(params, state, x, y, key, train):
    return x.reshape(len(x), 16) @ params["kernel"], state


GENERATOR = OwnNetwork(init_of(3, 16), paint)
DISCRIMINATOR = OwnNetwork(init_of(16, 1), judge)


def pair(generator=GENERATOR, discriminator=DISCRIMINATOR, **others):
    return OwnModel({"generator": generator, "discriminator": discriminator}, **others)


def bring(image_shape, classes, settings):
    assert image_shape == (4, 4, 1) and classes == 2 and settings["latent"] == 3
    return {"generator": GENERATOR, "discriminator": DISCRIMINATOR}


def one_weight_for_all(image_shape, classes, settings):
    fixed = jax.random.normal(jax.random.key(0), (3, 16))
    return pair(OwnNetwork(lambda key: ({"kernel": fixed}, {}), paint))


def of_no_key(image_shape, classes, settings):
    def init(key):
        return {"kernel": jnp.full((3, 16), float(next(CALLS)))}, {}

    return pair(OwnNetwork(init, paint))


def without_weights(image_shape, classes, settings):
    return pair(OwnNetwork(lambda key: ({}, {}), lambda p, s, z, y, key, train: (z, s)))


def infinite(image_shape, classes, settings):
    def init(key):
        return {"kernel": jax.random.normal(key, (3, 16)).at[0].set(jnp.inf)}, {}

    return pair(OwnNetwork(init, paint))


def no_number(image_shape, classes, settings):
    return pair(OwnNetwork(lambda key: ({"kernel": jnp.full((3, 16), jnp.nan)}, {}), paint))


def of_another_size(image_shape, classes, settings):
    return pair(OwnNetwork(init_of(3, 32), lambda p, s, z, y, key, train: (z @ p["kernel"], s)))


def too_bright(image_shape, classes, settings):
    def apply(p, s, z, y, key, train):
        return 255 * paint(p, s, z, y, key, train)[0], s

    return pair(OwnNetwork(init_of(3, 16), apply))


def not_a_number(image_shape, classes, settings):
    def apply(p, s, z, y, key, train):
        return paint(p, s, z, y, key, train)[0] * jnp.nan, s

    return pair(OwnNetwork(init_of(3, 16), apply))


def sigmoid_images(image_shape, classes, settings):
    def apply(p, s, z, y, key, train):
        return jax.nn.sigmoid(z @ p["kernel"]).reshape(-1, 4, 4, 1), s

    return pair(OwnNetwork(init_of(3, 16), apply))


def critic_of(last):
    def apply(p, s, x, y, key, train):
        return last(judge(p, s, x, y, key, train)[0]), s

    return pair(discriminator=OwnNetwork(init_of(16, 1), apply))


def sigmoid_logits(image_shape, classes, settings):
    return critic_of(lambda x: jax.nn.sigmoid(x)[:, 0])


def by_hand(image_shape, classes, settings):
    return critic_of(lambda x: 1 / (1 + jnp.exp(-x)))


def small_logits(image_shape, classes, settings):
    return critic_of(lambda x: 1e-6 * x * x + 1e-3 * x)


def infinite_logits(image_shape, classes, settings):
    return critic_of(lambda x: x / 0)


def of_batches(image_shape, classes, settings):
    return critic_of(lambda x: x - x.mean())


def with_state(apply):
    def init(key):
        return init_of(16, 1)(key)[0], {"mean": jnp.zeros((1,))}

    return pair(discriminator=OwnNetwork(init, apply))


def moving(image_shape, classes, settings):
    def apply(p, s, x, y, key, train):
        return judge(p, s, x, y, key, train)[0], {"mean": s["mean"] + 1}

    return with_state(apply)


def growing(image_shape, classes, settings):
    def apply(p, s, x, y, key, train):
        after = {"mean": jnp.zeros((2,))} if train else s
        return judge(p, s, x, y, key, train)[0], after

    return with_state(apply)


def failing(image_shape, classes, settings):
    raise RuntimeError("out of ideas")


def failing_later(image_shape, classes, settings):
    def apply(p, s, z, y, key, train):
        return z @ jnp.ones((7, 2)), s

    return pair(OwnNetwork(init_of(3, 16), apply))


def of_other_things(image_shape, classes, settings):
    return [GENERATOR]


def of_a_function(image_shape, classes, settings):
    return {"generator": paint, "discriminator": DISCRIMINATOR}


def of_other_names(image_shape, classes, settings):
    return {"g": GENERATOR, "d": DISCRIMINATOR}


def of_other_players(image_shape, classes, settings):
    return pair(players={"artist": ("generator",), "discriminator": ("discriminator",)})


def of_two_painters(image_shape, classes, settings):
    networks = {"mapping": GENERATOR, "synthesis": GENERATOR, "discriminator": DISCRIMINATOR}
    players = {"generator": ("mapping", "synthesis"), "discriminator": ("discriminator",)}
    return OwnModel(networks, players=players)


def with_a_loss_of_nobody(image_shape, classes, settings):
    return pair(losses={"critic": lambda turn: 0.0})


def with_a_loss(image_shape, classes, settings):
    def loss(turn):
        return turn.call("discriminator", turn.images).mean()

    return pair(losses={"discriminator": loss})


def with_a_coefficient(image_shape, classes, settings):
    return pair(coefficients={"gamma": 2.0})


def with_the_family_s(image_shape, classes, settings):
    return pair(coefficients={"label_smoothing": 2.0})


def shifted(image_shape, classes, settings):
    return critic_of(lambda x: 0.5 * jnp.tanh(x) + 0.5)


def clipped(image_shape, classes, settings):
    return critic_of(lambda x: jnp.clip(x + 0.5, 0, 1))


def beginning_at_0(image_shape, classes, settings):
    def init(key):
        return {"kernel": jax.random.normal(key, (16, 8)), "last": jnp.zeros((8, 1))}, {}

    def apply(p, s, x, y, key, train):
        x = jax.nn.relu(judge(p, s, x, y, key, train)[0])
        return jnp.tanh(x) @ p["last"], s

    return pair(discriminator=OwnNetwork(init, apply))


def of_unit_norm(image_shape, classes, settings):
    def apply(p, s, x, y, key, train):
        x = x.reshape(len(x), 16)
        return x @ (p["kernel"] / jnp.linalg.norm(p["kernel"])) / jnp.linalg.norm(x), s

    return pair(discriminator=OwnNetwork(init_of(16, 1), apply))


def with_no_number(image_shape, classes, settings):
    return pair(coefficients={"gamma": float("nan")})


def of_whole_numbers(image_shape, classes, settings):
    def init(key):
        return init_of(3, 16)(key)[0] | {"steps": jnp.arange(3)}, {}

    return pair(OwnNetwork(init, paint))


def of_two_bytes(image_shape, classes, settings):
    def init(key):
        return {"kernel": jax.random.normal(key, (3, 16), jnp.bfloat16)}, {}

    return pair(OwnNetwork(init, paint))


def losing_by(loss, **others):
    return pair(losses={"generator": loss}, **others)


def vector_loss(image_shape, classes, settings):
    return losing_by(lambda turn: turn.call("generator", jnp.ones((4, 3))))


def loss_of_another(image_shape, classes, settings):
    return losing_by(lambda turn: turn.call("painter", jnp.ones((4, 3))).mean())


def carrying_more(image_shape, classes, settings):
    return losing_by(lambda turn: (0.0, jnp.ones(3)), carried=jnp.ones(2))


def losing_well(image_shape, classes, settings):
    def loss(turn):
        return turn.call("generator", jnp.ones((4, 3))).mean() * turn.carried[0], turn.carried + 1

    return losing_by(loss, carried=jnp.ones(2))


def of_classes(latents, channels, outputs, last=lambda x: x):
    def classify(params, state, x, y, key, train):
        assert y is not None
        return last(x.reshape(len(x), -1) @ params["kernel"]), state

    def given(image_shape, classes, settings):
        discriminator = OwnNetwork(init_of(16 * channels, outputs), classify)
        return pair(OwnNetwork(init_of(latents, 16), paint), discriminator)

    return given


for_projection = of_classes(5, 1, 3)
for_an_auxiliary_classifier = of_classes(5, 1, 5)
for_planes = of_classes(5, 3, 1)
for_no_label_in_the_generator = of_classes(3, 1, 3)
for_no_class = of_classes(5, 1, 1)
squashed_for_projection = of_classes(5, 1, 3, jax.nn.sigmoid)
squashed_for_planes = of_classes(5, 3, 1, jax.nn.sigmoid)

A_CLASS = type("Bring", (), {})


def leaving(image_shape, classes, settings):
    raise SystemExit("no weights")


def without_a_state(image_shape, classes, settings):
    return pair(OwnNetwork(init_of(3, 16), lambda *given: paint(*given)[0]))


def weights_alone(image_shape, classes, settings):
    return pair(OwnNetwork(lambda key: init_of(3, 16)(key)[0], paint))
"""

BASE: dict[str, Any] = {
    "model": {"latent": 3},
    "penalty": {"strength": [1e-3, 1e-2], "order": 2.0},
    "train": {"batch": 4},
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("own")
    (folder / "mine.py").write_text(MINE, encoding="utf-8")
    return folder


def warnings(folder: Path, function: str, **sections: dict[str, Any]) -> tuple[str, ...]:
    tables = copy.deepcopy(BASE)
    tables["model"]["network"] = f"{folder}/mine.py:{function}"
    for section, table in sections.items():
        tables[section] = tables.get(section, {}) | table
    images = np.random.default_rng(0).uniform(-1, 1, (12, 4, 4, 1)).astype(np.float32)
    dataset = make_dataset("few", images, np.arange(12, dtype=np.int32) % 2)
    look_again()
    return check_own_networks(spec_from_tables(tables, "f"), dataset)


def test_networks_that_fit_pass_without_a_word(folder: Path) -> None:
    assert warnings(folder, "bring") == ()


@pytest.mark.parametrize("function", ["small_logits", "beginning_at_0", "of_unit_norm"])
def test_logits_that_begin_small_or_at_0_are_no_squashed_ones(function: str, folder: Path) -> None:
    assert warnings(folder, function) == ()


def test_losses_that_fit_pass_without_a_word(folder: Path) -> None:
    assert warnings(folder, "losing_well") == ()
    # That a penalty reaches nothing is told where it is for all networks.
    assert warnings(folder, "losing_well", penalty={"weights": "nothing"}) == ()


_PAINTER = next(at for at, line in enumerate(MINE.splitlines(), 1) if '"painter"' in line)

REFUSED = [
    ("one_weight_for_all", "its generator has the same weights whatever the key; make the module"),
    ("of_no_key", "its generator has other weights each time it is drawn from one key; draw all"),
    ("without_weights", "its generator has no parameters; init must return some to train"),
    ("infinite", "its generator begins with a weight or a state that is not finite"),
    ("no_number", "its generator begins with a weight or a state that is not finite"),
    ("of_whole_numbers", "its generator has parameters of int32; accepted: float32, and in the "),
    ("of_two_bytes", "its generator has parameters of bfloat16; accepted: float32, and in the st"),
    ("with_no_number", "coefficients: gamma: got nan; accepted: a finite number"),
    ("vector_loss", "its losses: mine.py: TypeError: Gradient only defined for scalar-output"),
    ("loss_of_another", f"its losses: mine.py, line {_PAINTER}: KeyError: 'painter'"),
    ("carrying_more", "what its losses carry has other names, shapes or types after a turn; they"),
    ("of_another_size", "its generator returns [4, 32]; accepted: [4, 4, 4, 1]"),
    ("too_bright", "accepted are pixels in [−1, 1]: end with tanh"),
    ("not_a_number", "its samples are not all finite"),
    ("sigmoid_logits", "its discriminator squashes its logits to [0, 1]; return logits, without"),
    ("by_hand", "its discriminator squashes its logits to [0, 1]; return logits, without"),
    ("shifted", "its discriminator squashes its logits to [0, 1]; return logits, without"),
    ("clipped", "its discriminator squashes its logits to [0, 1]; return logits, without"),
    ("infinite_logits", "logits of its discriminator are not finite"),
    ("moving", "the state of its discriminator changes in a call with train=False; there it must"),
    ("growing", "the state of its discriminator has other names, shapes or types after a call"),
    ("failing", "mine.py, line 143: RuntimeError: out of ideas; accepted is a function bring("),
    ("failing_later", "sample: mine.py, line 148: TypeError: dot_general requires"),
    ("of_other_things", "returns a list; accepted is a function bring("),
    ("of_a_function", "its network 'generator' is a function; accepted is an OwnNetwork(init, "),
    ("of_other_names", "networks: got d, g; accepted: discriminator, generator, each of which a"),
    ("of_other_players", "players: got artist; accepted: discriminator, generator, for whom a"),
    ("of_two_painters", "missing: losses of discriminator, generator and a sample"),
    ("with_a_loss_of_nobody", "losses: got critic; accepted: discriminator, generator"),
    ("with_the_family_s", "coefficients: the family has its own label_smoothing"),
    ("leaving", "SystemExit: no weights; accepted is a function bring("),
    ("without_a_state", "TypeError: apply returns no pair: array; accepted: (out, state)"),
    (
        "weights_alone",
        "init: mine.py: TypeError: init returns no pair: dict; accepted: (params, state)",
    ),
    ("A_CLASS", "it is of type type; accepted is a function bring("),
    ("missing", "no 'missing' in mine.py; there are: "),
]


@pytest.mark.parametrize(("function", "message"), REFUSED)
def test_what_would_train_something_else_is_refused_with_what_to_do(
    function: str, message: str, folder: Path
) -> None:
    with pytest.raises(UserError) as refused:
        warnings(folder, function)
    told = str(refused.value)
    assert told.startswith(f"model.network = '{folder}/mine.py:{function}': ")
    assert message in told
    assert "\n" not in told


def test_images_of_a_sigmoid_are_warned_of(folder: Path) -> None:
    (warning,) = warnings(folder, "sigmoid_images")
    assert "end with tanh instead of sigmoid, or with 2·x − 1 behind it" in warning


def test_statistics_of_a_batch_are_warned_of_with_a_gradient_penalty(folder: Path) -> None:
    penalised = {"kind": "r1", "strength": 1.0}
    assert warnings(folder, "of_batches") == ()
    assert warnings(folder, "bring", gradient_penalty=penalised) == ()
    (warning,) = warnings(folder, "of_batches", gradient_penalty=penalised)
    assert "depends on the others of the batch, as with batch statistics" in warning
    assert 'gradient_penalty.kind = "r1" is of each image by itself; take layer' in warning


@pytest.mark.parametrize(
    ("section", "table"),
    [
        ("gradient_penalty", {"kind": "r1", "strength": 1.0}),
        ("augment", {"policy": "translation", "strength": 0.5}),
    ],
)
def test_what_a_loss_of_one_s_own_would_not_heed_is_refused(
    section: str, table: dict[str, Any], folder: Path
) -> None:
    assert warnings(folder, "with_a_loss") == ()
    with pytest.raises(
        UserError, match=f"{section}.* has no effect with model.network = .*is its own"
    ):
        warnings(folder, "with_a_loss", **{section: table})


def test_a_coefficient_that_the_model_has_not_is_refused(folder: Path) -> None:
    assert warnings(folder, "with_a_coefficient", coefficients={"gamma": [1.0, 2.0]}) == ()
    with pytest.raises(UserError, match=r"coefficients\.gama: is none of .*; accepted: gamma"):
        warnings(folder, "with_a_coefficient", coefficients={"gama": 1.0})
    with pytest.raises(UserError, match=r"coefficients\.gamma: is none of .*; accepted: none"):
        warnings(folder, "bring", coefficients={"gamma": 1.0})


PLANES = {"discriminator_condition": "concatenation"}
CLASSIFIED = {"train": {"auxiliary_weight": 1.0}}


@pytest.mark.parametrize(
    ("function", "model", "others"),
    [
        ("for_projection", {}, {}),
        ("for_an_auxiliary_classifier", {}, CLASSIFIED),
        ("for_planes", PLANES, {}),
        ("for_no_label_in_the_generator", {"generator_condition": "batch_norm"}, {}),
    ],
)
def test_networks_that_are_told_classes_pass_with_the_widths_of_their_family(
    function: str, model: dict[str, Any], others: dict[str, Any], folder: Path
) -> None:
    assert warnings(folder, function, model={"family": "conditional"} | model, **others) == ()


@pytest.mark.parametrize(
    ("function", "model", "others", "message"),
    [
        (
            "for_no_class",
            {},
            {},
            "its discriminator returns [4, 1]; accepted: [4, 3], which is of model.family = "
            '"conditional" with model.discriminator_condition = "projection": 1 + classes',
        ),
        (
            "for_projection",
            {},
            CLASSIFIED,
            "its discriminator returns [4, 3]; accepted: [4, 5], which is of model.family = "
            '"conditional" with model.discriminator_condition = "projection" and '
            "train.auxiliary_weight above 0: 1 + classes + classes",
        ),
        (
            "for_no_label_in_the_generator",
            {},
            {},
            "its generator takes [n, 3]; accepted: [n, 5], which is of model.family = "
            '"conditional" with model.generator_condition = "embedding": latent + classes, the '
            "label as one-hot",
        ),
        (
            "for_no_class",
            PLANES,
            {},
            "its discriminator takes [n, 4, 4, 1]; accepted: [n, 4, 4, 3], which is of "
            'model.family = "conditional" with model.discriminator_condition = "concatenation": '
            "channels + classes, a plane for each class",
        ),
    ],
)
def test_a_width_without_the_classes_is_refused_with_what_they_add(
    function: str, model: dict[str, Any], others: dict[str, Any], message: str, folder: Path
) -> None:
    with pytest.raises(UserError) as refused:
        warnings(folder, function, model={"family": "conditional"} | model, **others)
    assert str(refused.value) == f"model.network = '{folder}/mine.py:{function}': {message}"


@pytest.mark.parametrize(
    ("function", "model"), [("squashed_for_projection", {}), ("squashed_for_planes", PLANES)]
)
def test_squashed_logits_with_classes_are_found(
    function: str, model: dict[str, Any], folder: Path
) -> None:
    with pytest.raises(UserError, match=r"its discriminator squashes its logits to \[0, 1\]"):
        warnings(folder, function, model={"family": "conditional"} | model)


def test_one_of_several_ways_to_tell_classes_that_does_not_fit_is_refused(folder: Path) -> None:
    ways = {"family": "conditional", "discriminator_condition": ["projection", "concatenation"]}
    for function in ("for_projection", "for_planes"):
        with pytest.raises(UserError, match="its discriminator"):
            warnings(folder, function, model=ways)
