"""What a family does not have is refused in one message, and is no part of its specs."""

from typing import Any

import pytest

from normsweep.errors import UserError
from normsweep.spec import Spec, spec_from_tables
from normsweep.spec.space import check_ranges

L2 = {"order": 2.0, "strength": [1e-4]}


def refusal(family: str, **sections: Any) -> str:
    model = {"family": family, **sections.pop("model", {})}
    with pytest.raises(UserError) as caught:
        spec = spec_from_tables({"penalty": L2, **sections, "model": model}, "f")
        check_ranges(spec)
    message = str(caught.value)
    assert "\n" not in message
    return message.removeprefix("f: ")


JUDGED = ("gan", "conditional", "autoencoder")


@pytest.mark.parametrize("family", ["vae", "rae"])
@pytest.mark.parametrize(
    ("section", "field", "value", "more"),
    [
        ("gradient_penalty", "kind", '"r1"', {"strength": 1.0}),
        ("augment", "policy", '"cutout"', {"strength": 1.0}),
        ("train", "loss", '"hinge"', {}),
        ("train", "discriminator_steps", "2", {}),
        ("model", "latent_distribution", '"uniform"', {}),
        ("model", "generator_hidden", "(8,)", {}),
    ],
)
def test_what_needs_a_discriminator_or_noise_is_refused_without_one(
    family: str, section: str, field: str, value: str, more: dict[str, Any]
) -> None:
    given = {"(8,)": [8], "2": 2}.get(value, value.strip('"'))
    message = refusal(family, **{section: {field: given, **more}})
    said = f'{section}.{field} = {value} has no effect with model.family = "{family}"; it counts'
    assert message.startswith(f"{said} with {', '.join(JUDGED)}")


def test_a_range_of_what_a_family_does_not_have_is_refused() -> None:
    message = refusal("vae", gradient_penalty={"kind": ["none", "r1"], "strength": 1.0})
    assert message == "gradient_penalty.kind: is searched, but has no effect on any trial"


def test_a_penalty_on_another_family_s_network_is_refused() -> None:
    assert refusal("vae", penalty=L2 | {"target": "generator"}) == (
        'penalty.target = "generator" is no network of model.family = "vae"; '
        "accepted: encoder, decoder, both, all"
    )
    assert refusal("gan", penalty=L2 | {"target": "encoder"}) == (
        'penalty.target = "encoder" is no network of model.family = "gan"; '
        "accepted: generator, discriminator, both, all"
    )


def test_a_strength_that_follows_the_discriminator_is_refused_without_one() -> None:
    """It would have stayed constant without a word."""
    message = refusal("vae", penalty=L2 | {"schedule": "adaptive"})
    assert message.startswith(
        'penalty.schedule = "adaptive" follows a discriminator, which model.family = "vae" does '
        "not have; it counts with gan, conditional, autoencoder"
    )


@pytest.mark.parametrize(
    ("field", "value", "having"),
    [
        ("beta", 2.0, "vae"),
        ("kl_warmup", 0.5, "vae"),
        ("free_bits", 0.1, "vae"),
        ("reconstruction_weight", 2.0, "autoencoder"),
        ("code_weight", 0.5, "rae, autoencoder"),
        ("jacobian_weight", 0.5, "rae"),
    ],
)
def test_numbers_of_another_family_s_loss_are_refused(
    field: str, value: float, having: str
) -> None:
    message = refusal("gan", train={field: value})
    assert message == (
        f'train.{field} = {value} has no effect with model.family = "gan"; it counts with {having}'
    )


def test_a_law_of_codes_is_refused_where_samples_come_from_noise() -> None:
    message = refusal("autoencoder", model={"code_law": "gaussian"})
    assert message == (
        'model.code_law = "gaussian" has no effect with model.family = "autoencoder"; it counts '
        "with rae"
    )


def test_a_scale_is_refused_of_a_likelihood_without_one() -> None:
    message = refusal("vae", train={"likelihood_scale": 0.5})
    assert message == (
        'train.likelihood_scale = 0.5 has no effect with train.likelihood = "bernoulli"; it counts '
        "with gaussian, logistic"
    )


def test_a_probability_that_may_be_any_number_is_refused() -> None:
    linear = {"decoder_output": ["tanh", "linear"]}
    assert refusal("vae", model=linear) == (
        'model.decoder_output = "linear" is no probability, which train.likelihood = "bernoulli" '
        "needs; accepted: tanh, sigmoid, or another likelihood"
    )
    gaussian = {"likelihood": "gaussian"}
    spec_from_tables({"model": {"family": "vae", **linear}, "train": gaussian}, "f")


def test_a_figure_of_another_family_is_no_score() -> None:
    assert refusal("gan", score={"metric": "elbo"}) == (
        'score.metric = "elbo" is not measured with model.family = "gan"; it is with vae'
    )


def fields(spec: Spec) -> set[str]:
    return {f"{section}.{name}" for section, table in spec.plain().items() for name in table}


def test_a_spec_is_written_down_without_the_fields_of_other_families() -> None:
    gan = fields(spec_from_tables({}, "f"))
    vae = fields(spec_from_tables({"model": {"family": "vae"}}, "f"))
    assert "model.generator_hidden" in gan - vae and "train.loss" in gan - vae
    assert "model.encoder_hidden" in vae - gan and "train.beta" in vae - gan
    # But where a method may be of any of them.
    methods = {"other": {"model": {"family": "vae"}}}
    both = fields(spec_from_tables({"methods": methods}, "f"))
    assert both >= gan | vae


def test_a_method_may_be_of_another_family() -> None:
    tables: dict[str, Any] = {
        "train": {"loss": "hinge"},
        "methods": {
            "variational": {"model": {"family": "vae"}, "train": {"beta": 4.0}},
            "penalised": {"penalty": L2 | {"form": "power", "target": "discriminator"}},
        },
    }
    spec = spec_from_tables(tables, "f")
    check_ranges(spec)
    assert spec.alternative("variational").model.family == "vae"
    assert spec_from_tables(spec.plain(), "f") == spec
    tables["methods"]["penalised"]["train"] = {"beta": 4.0}
    with pytest.raises(UserError, match=r"methods.penalised.train.beta = 4.0 has no effect with"):
        spec_from_tables(tables, "f")
