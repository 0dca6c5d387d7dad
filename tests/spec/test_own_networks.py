"""Networks of the user's own in a spec: what counts with them, and their numbers as ranges."""

from typing import Any

import pytest
from optuna.distributions import BaseDistribution, FloatDistribution

from normsweep.errors import UserError
from normsweep.spec import Spec, spec_from_tables
from normsweep.spec.baseline import baseline, held_in_the_middle
from normsweep.spec.options import option_tables
from normsweep.spec.space import check_ranges, may_ask, middle, resolve, unconditional_space

OWN = {"network": "mine.py:bring"}
GAMMA = {"low": 1.0, "high": 100.0, "log": True}


def spec(**tables: Any) -> Spec:
    return spec_from_tables(tables, "f")


def refusal(**tables: Any) -> str:
    with pytest.raises(UserError) as refused:
        spec(**tables)
    return str(refused.value)


def test_a_reference_is_one_of_the_names_and_listed_so() -> None:
    assert spec(model=OWN).model.network == "mine.py:bring"
    assert "or path/to/file.py:name" in refusal(model={"network": "mine.bring"})
    (table,) = option_tables("model.network")
    assert table.takes_plugins


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("generator_hidden", [16]),
        ("discriminator_layers", 1),
        ("generator_units", 8),
        ("generator_activation", "relu"),
        ("generator_output", "sigmoid"),
        ("discriminator_normalisation", "batch"),
        ("discriminator_dropout", 0.5),
    ],
)
def test_what_describes_layers_of_ours_has_no_effect_on_theirs(field: str, value: Any) -> None:
    message = refusal(model=OWN | {field: value})
    assert f"model.{field} = " in message
    assert 'has no effect with model.network = "mine.py:bring"; it counts with mlp' in message
    spec(model={field: value})


@pytest.mark.parametrize(
    ("tables", "path"),
    [
        ({"model": {"settings": {"width": 8}}}, "model.settings"),
        ({"coefficients": {"gamma": 1.0}}, "coefficients.gamma"),
    ],
)
def test_what_is_theirs_has_no_effect_on_networks_of_ours(tables: Any, path: str) -> None:
    assert refusal(**tables).endswith(
        f'{path} has no effect with model.network = "mlp"; it counts with networks of your own, '
        "path/to/file.py:name"
    )


def test_settings_and_coefficients_are_stored_as_they_are_given() -> None:
    settings = {"width": 8, "layers": [2, 2], "norm": "group", "bias": False, "scale": 0.5}
    given = spec(model=OWN | {"settings": settings}, coefficients={"a": [1, 2], "b": 3, "c": GAMMA})
    plain = given.plain()
    assert plain["model"]["settings"] == settings
    assert plain["coefficients"] == {"a": [1.0, 2.0], "b": 3.0, "c": GAMMA}
    assert Spec.stored(plain) == given.checked() == given
    assert "coefficients" not in spec(model=OWN).plain()
    assert "settings" not in spec(model=OWN).plain()["model"]


@pytest.mark.parametrize(
    ("family", "name", "value", "path"),
    [
        ("gan", "latent", 24, "model.latent"),
        ("gan", "loss", "hinge", "train.loss"),
        ("vae", "latent", 24, "model.latent"),
        ("conditional", "discriminator_condition", "projection", "model.discriminator_condition"),
        ("conditional", "auxiliary", True, "train.auxiliary_weight"),
    ],
)
def test_a_setting_of_the_family_is_set_in_its_own_field(
    family: str, name: str, value: Any, path: str
) -> None:
    told = f'{name} = {value!r} is no setting of your own but of model.family = "{family}"; set '
    message = refusal(model=OWN | {"family": family, "settings": {name: value}})
    assert message.endswith(f"model.settings: {told}{path}")
    methods = {"strong": {"model": {"settings": {name: value}}}}
    message = refusal(model=OWN | {"family": family}, methods=methods)
    assert message.endswith(f"model.settings: {told}{path}")
    spec(model=OWN | {"settings": {"auxiliary": True, "classes": 3}})


@pytest.mark.parametrize("value", ["x", True, {"low": 2, "high": 1}, []])
def test_a_coefficient_is_a_number_or_a_range(value: Any) -> None:
    assert "coefficients.gamma: " in refusal(model=OWN, coefficients={"gamma": value})


def test_a_coefficient_is_searched_under_its_name_and_its_middle_is_the_baseline_s() -> None:
    study = spec(model=OWN, coefficients={"gamma": GAMMA})
    check_ranges(study)
    asked = {"coefficients.gamma": FloatDistribution(1.0, 100.0, log=True)}
    assert unconditional_space(study) == asked
    assert may_ask(study) == set(asked)
    config, _ = resolve(study, lambda path, asked: 7.0)
    assert dict(config.coefficients) == {"gamma": 7.0}
    assert dict(baseline(study).coefficients) == {"gamma": pytest.approx(10)}
    assert held_in_the_middle(study) == ["coefficients.gamma"]


def test_a_method_has_coefficients_of_its_own() -> None:
    methods = {"strong": {"coefficients": {"gamma": GAMMA}}, "l2": {"penalty": {"l2": 1.0}}}
    methods["l2"]["penalty"] |= {"form": "elastic", "l1": 0.0}
    study = spec(model=OWN, methods=methods)
    assert "strong.coefficients.gamma" in may_ask(study)

    def ask(name: str, asked: BaseDistribution) -> Any:
        return "strong" if name == "method" else middle(asked)

    config, method = resolve(study, ask)
    assert method == "strong"
    assert dict(config.coefficients) == {"gamma": pytest.approx(10)}
    assert dict(baseline(study).coefficients) == {}


def test_among_networks_of_ours_what_is_theirs_is_asked_where_it_counts() -> None:
    study = spec(
        model={"network": ["mlp", "mine.py:bring"], "settings": {"width": 8}},
        coefficients={"gamma": GAMMA},
    )
    check_ranges(study)
    configs = {}
    for network in ("mlp", "mine.py:bring"):
        names = []

        def ask(
            name: str, asked: BaseDistribution, network: str = network, names: Any = names
        ) -> Any:
            names.append(name)
            return network if name == "model.network" else middle(asked)

        configs[network], _ = resolve(study, ask)
        assert ("coefficients.gamma" in names) == (network != "mlp")
    assert configs["mlp"].model.settings is None
    assert dict(configs["mlp"].coefficients) == {}
    assert configs["mine.py:bring"].model.settings == {"width": 8}
