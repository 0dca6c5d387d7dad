"""Snippets of code, executed and compared with the model's own penalty and training step."""

import ast
import re
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from flax import nnx
from jax import lax

from normsweep.engine.settings import hyperparameters_of, method_of, program_of
from normsweep.errors import UserError
from normsweep.export.configs import best_config, trial_config
from normsweep.export.snippets import SNIPPETS, as_optax, source
from normsweep.export.snippets.source import undefined_names
from normsweep.models.architecture import networks
from normsweep.models.method import COUPLINGS, Method
from normsweep.models.networks import NETWORKS as NETWORK_KINDS
from normsweep.models.optimizers import LEARNING_RATE_SCHEDULES, OPTIMIZERS
from normsweep.models.player import player_optimizer
from normsweep.models.regulariser import regularised_update, regulariser, selected
from normsweep.objectives.constraints import CONSTRAINTS
from normsweep.objectives.penalties import PENALTIES, REDUCTIONS
from normsweep.objectives.schedules import STRENGTH_SCHEDULES, strength_factor
from normsweep.objectives.transform import advanced
from normsweep.spec import Spec, spec_from_tables
from normsweep.spec.config import Config
from normsweep.spec.family import FAMILIES, GAN, networks_of
from tests.haste import IN_HASTE

NETWORKS = FAMILIES[GAN].networks
SHAPE = (3, 2, 1)
MODEL = {"latent": 4, "generator_hidden": [5, 3], "discriminator_hidden": [5, 3]}
STEPS = 4
# Ours has 0.999 in float32, which is off by 1e-8: 1 − 0.999 then differs by 1e-5.
ROUNDING = {"rtol": 1e-5, "atol": 5e-6}
COEFFICIENTS = {"strength": 0.02, "l1": 0.01, "l2": 0.03, "radius": 0.5}


def forms(*orders: float) -> list[dict[str, Any]]:
    """Every penalty of the table with its coefficients, at each of the orders if it has one."""
    return [
        {"form": form} | {name: COEFFICIENTS.get(name, order) for name in entry.coefficients}
        for form, entry in PENALTIES.items()
        for order in (orders if "order" in entry.coefficients else orders[:1])
    ]


FORMS = forms(1.0, 1.5, 2.0)
STRONG = {"strength": 0.5, "l1": 0.5, "l2": 0.5}
PROXIMAL = [
    {name: STRONG.get(name, value) for name, value in each.items()} | {"coupling": "proximal"}
    for each in forms(1.0, 2.0)
    if PENALTIES[each["form"]].proximal is not None
]
POWER = {"form": "power", "order": 1.5, "strength": 0.02}
SQUARE = {"form": "power", "order": 2.0, "strength": 0.5}
COUPLED = [
    *(POWER | {"coupling": coupling} for coupling in ("loss", "decoupled")),
    *(each | {"coupling": "decoupled"} for each in forms(2.0)),
    *PROXIMAL,
    *(
        each | {"scope": "layer", "reduction": reduction}
        for reduction in REDUCTIONS
        for each in (POWER, SQUARE | {"order": 1.0, "coupling": "proximal"})
    ),
    {"form": "norm", "order": 2.0, "strength": 0.02, "scope": "layer"},
    {"form": "orthogonal", "strength": 0.02, "scope": "layer", "reduction": "mean", "biases": True},
    {"form": "power", "order": 2.0, "strength": 0.02, "biases": True},
    {
        "form": "power",
        "order": 2.0,
        "separate_strengths": True,
        "generator_strength": 0.02,
        "discriminator_strength": 0.05,
    },
    *(POWER | {"target": network} for network in NETWORKS),
    *(
        SQUARE
        | {"coupling": coupling, "schedule": schedule}
        | {
            f"schedule_{name}": share
            for name, share in (("begin", 0.25), ("finish", 0.75))
            if name in entry.settings
        }
        for coupling in COUPLINGS
        for schedule, entry in STRENGTH_SCHEDULES.items()
    ),
    *(
        {"form": form, "radius": 0.5, "scope": scope}
        for form in CONSTRAINTS
        for scope in ("network", "layer")
    ),
]
SETTINGS = {"weight_decay": 0.1, "momentum": 0.8, "beta1": 0.6, "beta2": 0.9, "decay": 0.7}
TRAININGS = [
    *(
        {"optimizer": name} | {setting: SETTINGS[setting] for setting in entry.settings}
        for name, entry in OPTIMIZERS.items()
    ),
    *(
        {"learning_rate_schedule": name}
        | ({} if name == "constant" else {"learning_rate_end": 0.1})
        for name in LEARNING_RATE_SCHEDULES
    ),
    {"learning_rate_schedule": "exponential", "learning_rate_end": 1e-9},
    {"learning_rate_schedule": "cosine", "learning_rate_warmup": 0.5},
    {"learning_rate_schedule": "constant", "learning_rate_warmup": 0.5},
    {"learning_rate_schedule": "cosine", "discriminator_steps": 2},
]
EXPORTED = {
    "penalty.form": (
        *("power", "norm", "elastic", "group", "orthogonal", "spectral"),
        *("l1_ball", "l2_ball", "linf_ball", "clip", "max_norm", "spectral_ball"),
    ),
    "penalty.coupling": ("loss", "decoupled", "proximal"),
    "penalty.scope": ("network", "layer"),
    "penalty.reduction": ("sum", "mean"),
    "penalty.schedule": ("constant", "linear", "cosine", "step", "adaptive"),
    "train.optimizer": ("adam", "adamw", "sgd", "rmsprop", "optimistic_adam"),
    "train.learning_rate_schedule": ("constant", "linear", "cosine", "exponential"),
}
"""What both formats have code for, but for the optimistic Adam, which PyTorch does not have."""


def config_of(penalty: dict[str, Any], train: dict[str, Any] | None = None, **more: Any) -> Spec:
    rates = {"generator_learning_rate": 0.05, "discriminator_learning_rate": 0.03}
    tables = {
        "model": MODEL,
        "train": rates | {"steps": STEPS, "chunks": 1} | (train or {}),
        "penalty": penalty,
    }
    return spec_from_tables(tables | more, "f")


def text_of(config: Spec, form: str) -> str:
    return SNIPPETS[form](Config(config, {"study": "digits", "trial": 3, "score": 0.5, "step": 4}))


def refused(config: Spec, form: str) -> bool:
    """Whether a format has no code for a config, and then says for what, and what it takes."""
    try:
        text_of(config, form)
    except UserError as error:
        told = re.fullmatch(
            rf'([a-z_.]+) = "(\w+)": --format {form} has no code for it; accepted: (.*), '
            r"or --format toml, json or yaml",
            str(error),
        )
        assert told is not None
        field, value, accepted = told.groups()
        assert value not in accepted.split(", ")
        assert value not in EXPORTED[field] or (form, value) == ("pytorch", "optimistic_adam")
        return True
    return False


def executed(config: Spec, form: str) -> dict[str, Any]:
    names: dict[str, Any] = {}
    exec(compile(text_of(config, form), f"snippet.{form}", "exec"), names)
    return names


def params_of(config: Spec) -> dict[str, Any]:
    """The parameters of both networks, biases drawn too, and one weight that is exactly 0."""
    pair = networks(program_of(config, SHAPE, 1).architecture)
    draw = np.random.default_rng(5)

    def drawn(leaf: Any) -> np.ndarray:
        values = draw.normal(scale=0.5, size=leaf.shape).astype(np.float32)
        values.flat[0] = 0
        return values

    shapes = jax.eval_shape(pair.init, jax.random.key(0))
    return {name: jax.tree.map(drawn, shapes[name].params) for name in NETWORKS}


def gradients_of(params: Any, count: int) -> list[Any]:
    draw = np.random.default_rng(6)
    return [
        jax.tree.map(lambda leaf: draw.normal(size=leaf.shape).astype(np.float32), params)
        for _ in range(count)
    ]


def penalties_of(config: Spec) -> dict[str, Any]:
    return hyperparameters_of(config).penalties


def exact(method: Method) -> Method:
    """A method whose power iteration has converged, as a snippet takes the exact norm."""

    def converged(entry: Any) -> Any:
        if entry is None or entry.advance is None:
            return entry

        def advance(weights: Any, state: Any) -> Any:
            return lax.fori_loop(0, 300, lambda _, vectors: entry.advance(weights, vectors), state)

        return entry._replace(advance=advance)

    return replace(
        method, penalty=converged(method.penalty), constraint=converged(method.constraint)
    )


def own_term(config: Spec, network: str, params: Any) -> tuple[Any, Any]:
    """The value of the model's own penalty, and its gradient, 0 where a weight is not selected."""
    method, given = exact(method_of(config)), penalties_of(config)[network]
    coefficients = {name: getattr(given, name) for name in method.penalty.coefficients}
    weights = selected(method, params)
    first = method.penalty.initial_state(weights) if method.penalty.initial_state else None
    _, state = advanced(method.penalty, weights, first)
    slope = jax.tree.map(
        lambda leaf, ours: jnp.zeros_like(leaf) if ours is None else ours,
        params,
        method.penalty.gradient(weights, **coefficients, **state),
        is_leaf=lambda leaf: leaf is None,
    )
    return method.penalty.value(weights, **coefficients, **state), slope


def hastily(function: Any, *arguments: Any) -> Any:
    return jax.jit(function, compiler_options=IN_HASTE)(*arguments)


def updates_of(config: Spec, network: str) -> int:
    """Steps of a network in the whole training."""
    return STEPS * (config.train.discriminator_steps if network == "discriminator" else 1)


TRAINED: dict[tuple[str, str], Any] = {}
"""By config and network: the snippets of both formats are compared with the same."""


def trained(config: Spec, network: str) -> Any:
    """The parameters after a training on drawn gradients, by the model's own step."""
    key = (config.model_dump_json(), network)
    if key not in TRAINED:
        params = params_of(config)[network]
        gradients = gradients_of(params, updates_of(config, network))
        TRAINED[key] = hastily(partial(by_model, config, network), params, gradients)
    return TRAINED[key]


def followed(config: Spec, network: str, params: Any) -> Any:
    """The same by the Optax snippet."""
    gradients = gradients_of(params, updates_of(config, network))
    return hastily(partial(by_snippet, config, network), params, gradients)


def by_model(config: Spec, network: str, params: Any, gradients: list[Any]) -> Any:
    program, method = program_of(config, SHAPE, 1), exact(method_of(config))
    h, given = hyperparameters_of(config), penalties_of(config)[network]

    def at(count: Any) -> tuple[Any, Any]:
        step = count // (len(gradients) // STEPS)
        rate = h.learning_rates[network] * program.learning_rate_schedule.factor(
            step, program.steps
        )
        strength = 1.0
        if method.schedule != "constant":
            ramp = (h.schedule_start, h.schedule_end, h.schedule_begin, h.schedule_finish)
            strength = strength_factor(STRENGTH_SCHEDULES[method.schedule], step / STEPS, *ramp)
        own = regulariser(method, given.scaled(strength), rate)
        return player_optimizer(program.optimizer, method, rate, h), own

    def update(state: Any, turn: tuple[Any, Any]) -> tuple[Any, None]:
        params, optimizer_state, states = state
        count, gradient = turn
        optimizer, own = at(count)
        args = ({network: gradient}, optimizer_state, states, params)
        return regularised_update({network: own}, optimizer, *args), None

    optimizer, own = at(np.int32(0))
    begun = {network: params}
    state = (begun, optimizer.init(begun), {network: own.init(params)})
    (params, *_), _ = lax.scan(update, state, in_turn(gradients))
    return params[network]


def by_snippet(config: Spec, network: str, params: Any, gradients: list[Any]) -> Any:
    names = executed(config, "optax")
    optimizer, penalty = names[f"{network}_optimizer"], names.get(f"{network}_penalty")

    def update(state: Any, turn: tuple[Any, Any]) -> tuple[Any, None]:
        params, optimizer_state = state
        count, gradient = turn
        if penalty is not None and config.penalty.coupling == "loss":
            step = count // (len(gradients) // STEPS)
            at = () if config.penalty.schedule == "constant" else (step,)
            gradient = jax.tree.map(jnp.add, gradient, jax.grad(penalty)(params, *at))
        updated, optimizer_state = optimizer.update(gradient, optimizer_state, params)
        return (optax.apply_updates(params, updated), optimizer_state), None

    (params, _), _ = lax.scan(update, (params, optimizer.init(params)), in_turn(gradients))
    return params


def in_turn(gradients: list[Any]) -> tuple[Any, Any]:
    """Updates by number, with their gradients, for a loop that is compiled once for all."""
    stacked = jax.tree.map(lambda *leaves: jnp.stack(leaves), *gradients)
    return jnp.arange(len(gradients), dtype=np.int32), stacked


def agree(found: Any, expected: Any, rtol: float, atol: float) -> None:
    def compare(one: Any, other: Any) -> None:
        np.testing.assert_allclose(np.asarray(one), np.asarray(other), rtol=rtol, atol=atol)

    jax.tree.map(compare, found, expected)


@pytest.fixture(autouse=True)
def as_a_user_has_it():
    """Snippets are for programs without our strictness."""
    with jax.numpy_dtype_promotion("standard"), jax.numpy_rank_promotion("allow"):
        yield


def exactness(penalty: dict[str, Any]) -> dict[str, float]:
    """How near a value and a gradient must be; those of a power iteration come only so near."""
    iterated = PENALTIES[penalty["form"]].advance is not None
    return {"rtol": 1e-5, "atol": 1e-7} if iterated else {"rtol": 1e-6, "atol": 1e-8}


def told_apart(config: Spec) -> tuple[str, ...]:
    """The networks, and only the first where the second has nothing of its own but its rate."""
    penalty = config.penalty
    alike = penalty.target == "both" and not penalty.separate_strengths
    return NETWORKS[: 1 if alike and config.train.discriminator_steps == 1 else 2]


@pytest.mark.parametrize("penalty", FORMS, ids=str)
def test_the_loss_term_of_the_optax_snippet_is_our_penalty(penalty: dict[str, Any]) -> None:
    config = config_of(penalty)
    if refused(config, "optax"):
        return
    names, params = executed(config, "optax"), params_of(config)
    for network in NETWORKS:
        found = hastily(jax.value_and_grad(names[f"{network}_penalty"]), params[network])
        expected = hastily(partial(own_term, config, network), params[network])
        agree(found, expected, **exactness(penalty))


@pytest.mark.parametrize("form", SNIPPETS)
@pytest.mark.parametrize("target", ["generator", "discriminator", "both"])
@pytest.mark.parametrize("coupling", ["loss", "decoupled"])
def test_the_networks_that_are_penalised_have_a_penalty(
    form: str, target: str, coupling: str
) -> None:
    text = text_of(config_of(POWER | {"target": target, "coupling": coupling}), form)
    for network in NETWORKS:
        assert (f"def {network}_penalty(" in text) == (network in networks_of(target))


def test_the_spectral_penalty_of_a_snippet_is_that_of_the_exact_norm() -> None:
    config = config_of({"form": "spectral", "strength": 0.5, "target": "generator"})
    params = params_of(config)["generator"]
    value = executed(config, "optax")["generator_penalty"](params)
    kernels = [leaf for leaf in jax.tree.leaves(params) if leaf.ndim > 1]
    expected = 0.5 * sum(np.linalg.norm(kernel.astype(float), 2) ** 2 for kernel in kernels)
    assert float(value) == pytest.approx(expected, rel=1e-5)
    assert "NOT in this snippet: the power iteration" in text_of(config, "optax")


@pytest.mark.parametrize("penalty", COUPLED, ids=str)
def test_the_optimisers_of_the_optax_snippet_train_as_ours_do(penalty: dict[str, Any]) -> None:
    config = config_of(penalty)
    if refused(config, "optax"):
        return
    for network in told_apart(config):
        params = params_of(config)[network]
        found = followed(config, network, params)
        agree(found, trained(config, network), **ROUNDING)


@pytest.mark.parametrize("train", TRAININGS, ids=str)
@pytest.mark.parametrize("coupling", ["loss", "decoupled"])
def test_every_optimiser_and_schedule_of_the_optax_snippet_trains_as_ours_do(
    train: dict[str, Any], coupling: str
) -> None:
    penalty = {"order": 1.5, "strength": 0.02, "coupling": coupling, "target": "discriminator"}
    config = config_of(penalty, train)
    if refused(config, "optax"):
        return
    for network in told_apart(config):
        params = params_of(config)[network]
        found = followed(config, network, params)
        agree(found, trained(config, network), **ROUNDING)


@pytest.fixture(scope="module")
def torch() -> Any:
    return pytest.importorskip("torch", reason="the PyTorch snippet needs torch")


def module_of(torch: Any, params: Any) -> Any:
    """Linear layers with our weights, and with names like ours."""
    root, network = torch.nn.Module(), torch.nn.Module()
    root.network = network
    layers = params["network"]["layers"]
    network.layers = torch.nn.ModuleList(
        torch.nn.Linear(*layers[index]["kernel"].shape) for index in sorted(layers)
    )
    with torch.no_grad():
        for values, parameter in zip(tensors(torch, params), root.parameters(), strict=True):
            parameter.copy_(values)
    return root


def tensors(torch: Any, params: Any) -> list[Any]:
    """The leaves in the order and the shapes of PyTorch: weight [out, in], bias [out]."""
    layers = params["network"]["layers"]
    ordered = [layers[index][name] for index in sorted(layers) for name in ("kernel", "bias")]
    return [torch.tensor(np.array(leaf).T) for leaf in ordered]


@pytest.mark.parametrize("penalty", FORMS, ids=str)
def test_the_loss_term_of_the_pytorch_snippet_is_our_penalty(
    torch: Any, penalty: dict[str, Any]
) -> None:
    # With AdamW a loss term is never a weight decay.
    config = config_of(penalty, {"optimizer": "adamw"})
    if refused(config, "pytorch"):
        return
    names, params = executed(config, "pytorch"), params_of(config)
    for network in NETWORKS:
        module = module_of(torch, params[network])
        value = names[f"{network}_penalty"](module)
        value.backward()
        expected, slopes = hastily(partial(own_term, config, network), params[network])
        np.testing.assert_allclose(value.item(), expected, **exactness(penalty))
        for parameter, slope in zip(module.parameters(), tensors(torch, slopes), strict=True):
            found = torch.zeros_like(slope) if parameter.grad is None else parameter.grad
            np.testing.assert_allclose(found.numpy(), slope.numpy(), **exactness(penalty))


def by_pytorch(torch: Any, config: Spec, network: str, params: Any) -> Any:
    """The parameters after a training on the drawn gradients, by the PyTorch snippet."""
    names, module = executed(config, "pytorch"), module_of(torch, params)
    optimizer = names[f"{network}_optimizer"](module)
    schedule = names.get("learning_rate_schedule", lambda _: None)(optimizer)
    updates = updates_of(config, network)
    for count, gradient in enumerate(gradients_of(params, updates)):
        step = count // (updates // STEPS)
        at = () if config.penalty.schedule == "constant" else (step,)
        optimizer.zero_grad()
        if f"{network}_penalty" in names and config.penalty.coupling == "loss":
            names[f"{network}_penalty"](module, *at).backward()
        for parameter, slope in zip(module.parameters(), tensors(torch, gradient), strict=True):
            parameter.grad = slope if parameter.grad is None else parameter.grad + slope
        if f"{network}_step" in names:
            names[f"{network}_step"](module, optimizer, *at)
        else:
            optimizer.step()
        if schedule is not None and (count + 1) % (updates // STEPS) == 0:
            schedule.step()
    return module


@pytest.mark.parametrize("penalty", COUPLED, ids=str)
def test_the_optimisers_of_the_pytorch_snippet_train_as_ours_do(
    torch: Any, penalty: dict[str, Any]
) -> None:
    config = config_of(penalty)
    if refused(config, "pytorch"):
        return
    for network in told_apart(config):
        params = params_of(config)[network]
        module = by_pytorch(torch, config, network, params)
        ours = tensors(torch, trained(config, network))
        for found, expected in zip(module.parameters(), ours, strict=True):
            np.testing.assert_allclose(found.detach().numpy(), expected.numpy(), **ROUNDING)


@pytest.mark.parametrize("train", TRAININGS, ids=str)
@pytest.mark.parametrize("coupling", ["loss", "decoupled"])
@pytest.mark.parametrize("order", [1.5, 2.0])
def test_every_optimiser_and_schedule_of_the_pytorch_snippet_trains_as_ours_do(
    torch: Any, train: dict[str, Any], coupling: str, order: float
) -> None:
    penalty = {"order": order, "strength": 0.02, "coupling": coupling, "target": "discriminator"}
    config = config_of(penalty, train)
    if refused(config, "pytorch"):
        return
    for network in told_apart(config):
        params = params_of(config)[network]
        module = by_pytorch(torch, config, network, params)
        ours = tensors(torch, trained(config, network))
        for found, expected in zip(module.parameters(), ours, strict=True):
            np.testing.assert_allclose(found.detach().numpy(), expected.numpy(), **ROUNDING)


@pytest.mark.parametrize(
    ("penalty", "train", "decay"),
    [
        ({"order": 2.0, "strength": 0.02}, {"optimizer": "adam"}, 0.04),
        ({"order": 2.0, "strength": 0.02}, {"optimizer": "sgd"}, 0.04),
        ({"form": "elastic", "l1": 0.0, "l2": 0.02}, {"optimizer": "adam"}, 0.04),
        ({"order": 2.0, "strength": 0.02, "coupling": "decoupled"}, {"optimizer": "adam"}, 0.04),
        (
            {"order": 2.0, "strength": 0.02, "coupling": "decoupled"},
            {"optimizer": "adamw", "weight_decay": 0.1},
            0.14,
        ),
    ],
    ids=str,
)
def test_a_square_penalty_is_a_weight_decay_of_twice_its_strength_where_that_is_the_same(
    penalty: dict[str, Any], train: dict[str, Any], decay: float
) -> None:
    text = text_of(config_of(penalty, train), "pytorch")
    assert f"groups(network, WEIGHTS, {decay!r})" in text
    assert "_penalty(" not in text
    decoupled = penalty.get("coupling") == "decoupled"
    assert ("torch.optim.AdamW(" in text) == decoupled


def test_a_snippet_without_a_penalty_has_none() -> None:
    names = executed(config_of({"form": "none"}), "optax")
    assert {f"{network}_optimizer" for network in NETWORKS} <= names.keys()
    for form in SNIPPETS:
        assert "_penalty" not in text_of(config_of({"form": "none"}), form)


@pytest.mark.parametrize("form", SNIPPETS)
def test_a_snippet_imports_nothing_of_ours_and_no_line_is_long(form: str) -> None:
    for penalty in [*FORMS, *COUPLED]:
        if refused(config := config_of(penalty), form):
            continue
        text = text_of(config, form)
        imported = {
            (node.module if isinstance(node, ast.ImportFrom) else node.names[0].name).split(".")[0]
            for node in ast.walk(ast.parse(text))
            if isinstance(node, ast.Import | ast.ImportFrom)
        }
        allowed = {"math", "re", "collections", "typing"}
        assert imported <= allowed | ({"torch"} if form == "pytorch" else {"jax", "optax"})
        assert all(len(line) <= 140 for line in text.splitlines())


@pytest.mark.parametrize("form", SNIPPETS)
def test_weights_that_a_users_network_does_not_have_are_no_silent_nothing(
    request: pytest.FixtureRequest, form: str
) -> None:
    config = config_of({"order": 1.5, "strength": 0.1, "weights": "no_such"})
    if form == "optax":
        names = executed(config, form)
        with pytest.raises(ValueError, match="adapt WEIGHTS"):
            names["generator_penalty"]({"dense": {"kernel": np.ones((2, 2), np.float32)}})
        return
    torch = request.getfixturevalue("torch")
    names = executed(config, form)
    with pytest.raises(ValueError, match="0/kernel, 0/bias matches 'no_such'"):
        names["generator_penalty"](torch.nn.Sequential(torch.nn.Linear(2, 2)))


@pytest.mark.parametrize("form", SNIPPETS)
def test_what_a_snippet_does_not_hold_is_said_at_its_top(form: str) -> None:
    config = config_of(
        {"order": 2.0, "strength": 0.1, "schedule": "adaptive"},
        {"label_smoothing": 0.1, "ema": 0.9},
        gradient_penalty={"kind": "r1", "strength": 3.0, "every": 4},
        augment={"policy": "cutout", "strength": 0.5},
        model=MODEL
        | {"generator_dropout": 0.25, "discriminator_normalisation": "spectral"}
        | {"generator_layers": 1, "discriminator_units": 4},
    )
    head = text_of(config, form).split("\n\n")[0].replace("\n#   ", " ")
    for missing in (
        "gradient penalty r1, strength 3.0, every 4 steps",
        "augmentation cutout, strength 0.5",
        "the adaptive factor on the strength",
        "only the first 1 of 2 hidden layers of the generator",
        "at most 4 units a hidden layer of the discriminator",
        "dropout of the generator, rate 0.25",
        "spectral normalisation of the discriminator",
        "label smoothing 0.1",
        "the average of the generator's weights, decay 0.9",
    ):
        assert f"# NOT in this snippet: {missing}" in head


@pytest.mark.parametrize("form", SNIPPETS)
def test_a_role_of_two_networks_is_explained(form: str) -> None:
    model = {"family": "cyclegan", **{k: v for k, v in MODEL.items() if k != "latent"}}
    config = config_of({"order": 2.0, "strength": 0.1}, {"cycle_b": 3.0}, model=model)
    head = text_of(config, form).split("\n\n")[0].replace("\n#   ", " ")
    assert "family cyclegan, " in head and "cycle a 10.0, cycle b 3.0, " in head
    for role, names in (
        ("generator", "generator_ab, generator_ba"),
        ("discriminator", "discriminator_a, discriminator_b"),
    ):
        told = f"the others of {names}: each with the penalty of the {role} by itself, all with"
        assert f"# NOT in this snippet: {told} its optimiser" in head


@pytest.mark.parametrize("form", SNIPPETS)
def test_widths_and_depths_that_leave_a_network_whole_are_not_said(form: str) -> None:
    whole = {"generator_layers": 2, "generator_units": 5}
    config = config_of({"form": "none"}, model=MODEL | whole)
    assert "hidden layer" not in text_of(config, form)


@pytest.mark.parametrize("form", SNIPPETS)
def test_convolutional_networks_are_named_with_what_a_snippet_does_not_hold(form: str) -> None:
    model = {"network": "dcgan", "generator_channels": 2, "generator_units": 8}
    text = text_of(config_of({"order": 2.0, "strength": 0.1}, model=model), form)
    head = text.split("\n\n")[0].replace("\n#   ", " ")
    assert ", network dcgan" in head
    assert "# NOT in this snippet: at most 8 units a hidden layer of the generator" in head
    whole = model | {"generator_units": 32}
    assert "hidden layer" not in text_of(config_of({"form": "none"}, model=whole), form)


def test_the_optax_snippet_penalises_the_kernels_of_convolutions() -> None:
    """λ·Σw² over those of a generator of 8×8 images, by NumPy."""
    model = {"network": "dcgan", "generator_channels": 2, "latent": 3}
    config = config_of({"order": 2.0, "strength": 0.1, "target": "generator"}, model=model)
    generator = NETWORK_KINDS["dcgan"](channels=2).pure((3,), (8, 8, 1))  # type: ignore[call-arg]
    shapes = jax.eval_shape(lambda: generator.init(nnx.Rngs(params=jax.random.key(0)), None))
    draw = np.random.default_rng(5)
    params = jax.tree.map(lambda leaf: draw.normal(size=leaf.shape).astype(np.float32), shapes[0])
    kernels = [leaf for leaf in jax.tree.leaves(params) if leaf.ndim > 1]
    assert sorted(leaf.ndim for leaf in kernels) == [2, 2, 4, 4]
    wanted = 0.1 * sum(float(np.sum(np.float64(leaf) ** 2)) for leaf in kernels)
    found = executed(config, "optax")["generator_penalty"](params)
    assert found == pytest.approx(wanted, rel=1e-5)


@pytest.mark.parametrize("form", SNIPPETS)
def test_a_penalty_of_a_users_own_is_refused(form: str) -> None:
    with pytest.raises(UserError, match=r"mine\.py:log_penalty.* no snippet can hold"):
        text_of(config_of({"form": "mine.py:log_penalty", "strength": 0.1}), form)


def test_an_optimiser_that_pytorch_does_not_have_is_refused() -> None:
    config = config_of({"order": 2.0, "strength": 0.1}, {"optimizer": "optimistic_adam"})
    with pytest.raises(UserError, match=r'^train\.optimizer = "optimistic_adam".*accepted: adam, '):
        text_of(config, "pytorch")


@pytest.mark.parametrize(
    ("table", "name", "train"),
    [
        ("_OPTIMIZERS", "adam", {"optimizer": "adam"}),
        ("_RATES", "cosine", {"learning_rate_schedule": "cosine"}),
    ],
)
def test_code_that_would_name_what_nothing_defines_is_refused(
    monkeypatch: pytest.MonkeyPatch, table: str, name: str, train: dict[str, Any]
) -> None:
    monkeypatch.setitem(getattr(as_optax, table), name, "of_a_later_day(1.0)")
    with pytest.raises(UserError, match=r"would name of_a_later_day, which nothing defines"):
        text_of(config_of(POWER, train), "optax")


@pytest.mark.parametrize(
    ("code", "names"),
    [
        ("import re\ndef f(x):\n    return g(x, re.S)\ndef g(x, y):\n    return f(x)", set()),
        ("def f(x):\n    return [power(w) for w in x]", {"power"}),
        ("def f(x):\n    def g():\n        return h(x)\n    return g", {"h"}),
        ("f = lambda w: within(w, len(w))", {"within"}),
        ("x: Any = max(1, 2)", {"Any"}),
        ("print(y)\ny = 1", set()),
    ],
)
def test_the_names_that_nothing_defines_are_found(code: str, names: set[str]) -> None:
    assert undefined_names(code) == names


@pytest.mark.parametrize("folder", ["jax_parts", "torch_parts"])
def test_no_two_parts_have_one_name(folder: str) -> None:
    files = (Path(source.__file__).parent / folder).glob("*.py")
    names = [
        node.name
        for file in files
        for node in ast.parse(file.read_text("utf-8")).body
        if isinstance(node, ast.FunctionDef)
    ]
    assert len(names) > 20 and len(set(names)) == len(names)


@pytest.mark.parametrize("form", SNIPPETS)
def test_the_best_trial_and_the_baseline_of_a_study_are_snippets(
    example, request: pytest.FixtureRequest, form: str
) -> None:
    if form == "pytorch":
        request.getfixturevalue("torch")
    best = SNIPPETS[form](best_config(example.study))
    assert "From sweep study small, trial" in best
    assert repr(best_config(example.study).provenance["score"]) in best
    for config in (best_config(example.study), trial_config(example.study, 0)):
        names: dict[str, Any] = {}
        exec(compile(SNIPPETS[form](config), "snippet", "exec"), names)
        assert "generator_optimizer" in names
