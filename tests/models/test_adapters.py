"""Modules of Flax, and look-alikes of those of Equinox and Haiku, as networks of the user's own."""

from typing import Any, NamedTuple

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx

from normsweep.models import Mode, from_equinox, from_haiku, from_linen, from_nnx
from normsweep.models.networks.contract import PureNetwork, Variables
from normsweep.models.networks.own import OwnNetwork
from normsweep.objectives import parameter_paths

SHAPE = (2, 2, 1)
X = jnp.linspace(-1, 1, 12, dtype=np.float32).reshape(3, *SHAPE)
Y = jnp.array([0, 1, 1], np.int32)


class LinenCritic(nn.Module):
    @nn.compact
    def __call__(self, x: jax.Array, train: bool = True) -> jax.Array:
        x = nn.Dense(4)(x.reshape(len(x), -1))
        x = nn.BatchNorm(use_running_average=not train)(x)
        return nn.Dense(1)(nn.Dropout(0.5, deterministic=not train)(x))


class NnxCritic(nnx.Module):
    def __init__(self, rngs: nnx.Rngs) -> None:
        self.first = nnx.Linear(4, 4, rngs=rngs)
        self.norm = nnx.BatchNorm(4, rngs=rngs)
        self.dropout = nnx.Dropout(0.5, rngs=rngs)
        self.last = nnx.Linear(4, 1, rngs=rngs)

    def __call__(self, x: jax.Array) -> jax.Array:
        return self.last(self.dropout(self.norm(self.first(x.reshape(len(x), -1)))))


def pytree(kind: type) -> type:
    """A class whose attributes are a tree, as Equinox makes of each of its modules."""

    def flat(module: Any) -> tuple[Any, Any]:
        names = tuple(vars(module))
        keys = [jax.tree_util.GetAttrKey(name) for name in names]
        return list(zip(keys, vars(module).values(), strict=True)), names

    def whole(names: Any, values: Any) -> Any:
        module = object.__new__(kind)
        vars(module).update(zip(names, values, strict=True))
        return module

    jax.tree_util.register_pytree_with_keys(kind, flat, whole)
    return kind


@pytree
class EquinoxLinear:
    def __init__(self, inputs: int, outputs: int, key: jax.Array) -> None:
        self.weight = jax.random.normal(key, (outputs, inputs))
        self.bias = jnp.zeros((outputs,))

    def __call__(self, x: jax.Array, key: Any = None) -> jax.Array:
        return self.weight @ x + self.bias


@pytree
class EquinoxDropout:
    def __init__(self) -> None:
        self.inference = False

    def __call__(self, x: jax.Array, *, key: jax.Array) -> jax.Array:
        return x if self.inference else jnp.where(jax.random.bernoulli(key, 0.5, x.shape), x, 0)


@pytree
class EquinoxMean:
    """The mean over the batch, kept in a state, as equinox.nn.BatchNorm keeps its own."""

    def __init__(self) -> None:
        self.inference = False

    def __call__(self, x: jax.Array, state: Any) -> tuple[jax.Array, Any]:
        if self.inference:
            return x - state["mean"], state
        mean = jax.lax.pmean(x, "batch")
        return x - mean, {"mean": 0.5 * state["mean"] + 0.5 * mean}


@pytree
class EquinoxCritic:
    def __init__(self, key: jax.Array) -> None:
        first, last = jax.random.split(key)
        self.layers = [EquinoxLinear(4, 4, first), jax.nn.relu, EquinoxLinear(4, 1, last)]
        self.mean = EquinoxMean()
        self.dropout = EquinoxDropout()

    def __call__(self, x: jax.Array, state: Any, *, key: jax.Array) -> tuple[jax.Array, Any]:
        assert x.shape == (1, 2, 2), "channels first"
        x = self.layers[1](self.layers[0](x.reshape(-1)))
        x, state = self.mean(x, state)
        return self.layers[2](self.dropout(x, key=key)), state


class Transformed(NamedTuple):
    init: Any
    apply: Any


def transformed() -> Transformed:
    """What hk.transform_with_state gives, with the mark that it leaves on its functions."""

    def critic(x: jax.Array, is_training: bool) -> None: ...

    def init(rng: jax.Array, x: jax.Array, is_training: bool) -> Any:
        first, last = jax.random.split(rng)
        return {
            "net/~/linear": {"w": jax.random.normal(first, (x.size, 4)), "b": jnp.zeros((4,))},
            "net/~/linear_1": {"w": jax.random.normal(last, (4, 1))},
        }, {"net/~/mean": {"average": jnp.zeros((4,))}}

    def apply(params: Any, state: Any, rng: jax.Array, x: jax.Array, is_training: bool) -> Any:
        first = params["net/~/linear"]
        x = x.reshape(len(x), -1) @ first["w"] + first["b"][None]
        mean = x.mean(axis=0) if is_training else state["net/~/mean"]["average"]
        if is_training:
            x = jnp.where(jax.random.bernoulli(rng, 0.5, x.shape), x, 0)
        return (x - mean[None]) @ params["net/~/linear_1"]["w"], {"net/~/mean": {"average": mean}}

    found = Transformed(init, apply)
    for function in found:
        function._original_fn = critic
    return found


NETWORKS = {
    "linen": lambda: from_linen(LinenCritic),
    "linen of a key": lambda: from_linen(lambda key: LinenCritic()),
    "nnx": lambda: from_nnx(NnxCritic),
    "equinox": lambda: from_equinox(lambda key: (EquinoxCritic(key), {"mean": jnp.zeros((4,))})),
    "haiku": lambda: from_haiku(transformed()),
}
PATHS = {
    "linen": {"Dense_0/kernel", "Dense_1/kernel", "BatchNorm_0/scale"},
    "linen of a key": {"Dense_0/kernel"},
    "nnx": {"first/kernel", "last/kernel", "norm/scale"},
    "equinox": {"layers/0/weight", "layers/2/weight", "layers/0/bias"},
    "haiku": {"net/~/linear/w", "net/~/linear/b", "net/~/linear_1/w"},
}


def drawn(pure: PureNetwork, seed: int = 1) -> Variables:
    return pure.init(nnx.Rngs(params=jax.random.key(seed)), None)


def equal(tree: Any, other: Any) -> bool:
    return all(jax.tree.leaves(jax.tree.map(np.array_equal, tree, other)))


@pytest.mark.parametrize("kind", NETWORKS)
def test_a_module_is_two_functions_of_its_variables(kind: str) -> None:
    pure = NETWORKS[kind]().pure(SHAPE, ())
    variables = drawn(pure)
    assert set(jax.tree.leaves(parameter_paths(variables.params))) >= PATHS[kind]
    assert all(type(name) is str for name in variables.params)
    assert equal(variables, drawn(pure))
    assert not equal(variables.params, drawn(pure, 2).params)

    training = jax.jit(lambda key: pure.apply(variables, X, Mode(training=True, key=key)))
    logits, state = training(jax.random.key(3))
    assert logits.shape == (3,)
    assert logits.dtype == np.float32
    # Dropout is drawn by the key, and by nothing else.
    assert equal(logits, training(jax.random.key(3))[0])
    assert not equal(logits, training(jax.random.key(4))[0])
    assert jax.tree.structure(state) == jax.tree.structure(variables.stats)
    assert not equal(state, variables.stats)

    logits, state = pure.apply(variables, X)
    assert equal(state, variables.stats)
    assert equal(logits, pure.apply(variables, X)[0])


@pytest.mark.parametrize("kind", ["linen", "nnx"])
def test_a_module_of_flax_gives_what_flax_gives(kind: str) -> None:
    pure = NETWORKS[kind]().pure(SHAPE, ())
    params, stats = variables = drawn(pure)
    if kind == "linen":
        wanted = LinenCritic().apply({"params": params, **stats}, X, train=False)
    else:
        module = NnxCritic(nnx.Rngs(0))
        nnx.update(module, nnx.State(params), nnx.State(stats))
        module.eval()
        wanted = module(X)
    np.testing.assert_allclose(pure.apply(variables, X)[0], wanted[:, 0], rtol=1e-6)


def test_what_a_constructor_draws_counts() -> None:
    class Fourier(nn.Module):
        waves: Any

        @nn.compact
        def __call__(self, x: jax.Array) -> jax.Array:
            return nn.Dense(1)(jnp.sin(x.reshape(len(x), -1) @ self.waves))

    network = from_linen(lambda key: Fourier(jax.random.normal(key, (4, 8))))
    pure = network.pure(SHAPE, ())
    one, other = drawn(pure), drawn(pure, 2)
    mixed = Variables(one.params, other.stats)
    assert equal(pure.apply(one, X)[0], pure.apply(one, X)[0])
    assert not equal(pure.apply(one, X)[0], pure.apply(mixed, X)[0])


def test_labels_go_to_the_argument_that_is_called_like_them() -> None:
    class Labelled(nn.Module):
        @nn.compact
        def __call__(self, x: jax.Array, labels: jax.Array, deterministic: bool) -> jax.Array:
            assert isinstance(deterministic, bool)
            return nn.Embed(2, 1)(labels) + x.sum(axis=(1, 2))

    pure = from_linen(Labelled).pure(SHAPE, ())
    variables = drawn(pure)
    found, _ = pure.apply(variables, (X, Y))
    table = variables.params["Embed_0"]["embedding"]
    np.testing.assert_allclose(found, table[Y, 0] + X.sum(axis=(1, 2, 3)), rtol=1e-6)


def test_real_modules_of_equinox_where_it_is_installed() -> None:
    eqx = pytest.importorskip("equinox")
    pure = from_equinox(lambda key: eqx.nn.MLP(4, 1, 4, 1, key=key)).pure((4,), ())
    variables = drawn(pure)
    assert "layers/0/weight" in jax.tree.leaves(parameter_paths(variables.params))
    assert pure.apply(variables, X.reshape(3, -1))[0].shape == (3,)


def test_real_functions_of_haiku_where_it_is_installed() -> None:
    hk = pytest.importorskip("haiku")
    found = hk.transform(lambda x: hk.nets.MLP([4, 1])(x.reshape(len(x), -1)))
    pure = from_haiku(found).pure(SHAPE, ())
    variables = drawn(pure)
    assert "mlp/~/linear_0/w" in jax.tree.leaves(parameter_paths(variables.params))
    assert pure.apply(variables, X)[0].shape == (3,)


def test_outputs_of_another_shape_are_refused_and_a_column_is_a_vector() -> None:
    def network(columns: int) -> PureNetwork:
        own = OwnNetwork(
            lambda key: ({"w": jnp.zeros((4, columns))}, {}),
            lambda params, state, x, y, key, train: (x.reshape(len(x), 4) @ params["w"], state),
        )
        return own.pure(SHAPE, ())

    assert network(1).apply(drawn(network(1)), X)[0].shape == (3,)
    with pytest.raises(ValueError, match=r"returns \[3, 2\]; accepted: \[3\]"):
        network(2).apply(drawn(network(2)), X)
    with pytest.raises(ValueError, match="no units to mask"):
        network(1).init(nnx.Rngs(params=jax.random.key(0)), 3)


def test_images_with_their_axes_in_another_order_are_refused_and_vectors_are_images() -> None:
    def returned(shape: tuple[int, ...]) -> jax.Array:
        own = OwnNetwork(
            lambda key: ({"w": jnp.zeros(())}, {}),
            lambda params, state, x, y, key, train: (jnp.arange(36.0).reshape(shape), state),
        )
        pure = own.pure((4,), (2, 2, 3))
        return pure.apply(drawn(pure), X)[0]

    images = jnp.arange(36.0).reshape(3, 2, 2, 3)
    for shape in ((3, 2, 2, 3), (3, 1, 2, 2, 3), (3, 12)):
        assert jnp.array_equal(returned(shape), images)
    with pytest.raises(ValueError, match=r"returns \[3, 3, 2, 2\]; accepted: \[3, 2, 2, 3\]"):
        returned((3, 3, 2, 2))
