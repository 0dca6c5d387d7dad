"""A trained folder is gone on with: to the bits of one longer training, or it says what differs."""

import json
import shutil
from pathlib import Path

import jax
import numpy as np
import pytest

from normsweep.engine.settings import program_of
from normsweep.errors import UserError
from normsweep.export.again import train_config
from normsweep.export.going_on import read_begun, spread_over_steps, with_steps
from normsweep.export.trained import load_generator, load_network, save_trained
from normsweep.models.architecture import networks
from normsweep.spec import Spec
from normsweep.spec.config import Config

SHORT = {"train__steps": 20, "train__chunks": 2}


@pytest.fixture(scope="module")
def spec(make_spec) -> Spec:
    """A GAN with much beside its weights: moments, an average, statistics, drawn numbers."""
    return make_spec(
        study__sampler="random",
        model__generator_normalisation="batch",
        model__discriminator_dropout=0.2,
        train__ema=0.9,
        penalty__strength=1e-3,
        penalty__target="both",
        **SHORT,
    )


@pytest.fixture(scope="module")
def folder(spec, tmp_path_factory) -> Path:
    """It, trained for 20 steps by another seed than its config's."""
    made = train_config(spec, seed=11)
    return save_trained(made, Config(spec, {}), tmp_path_factory.mktemp("begun") / "out")


def test_it_has_the_bits_of_one_longer_training(spec, folder, tmp_path) -> None:
    begun = read_begun(folder)
    longer = with_steps(begun.config.spec, 40, after=begun.steps)
    went_on = train_config(longer, begun=begun)
    at_once = train_config(with_steps(spec, 40), seed=11)
    jax.tree.map(np.testing.assert_array_equal, went_on.state, at_once.state)
    assert went_on.seed == 11
    assert went_on.measurements == at_once.measurements
    assert [row.step for row in went_on.measurements] == [10, 20, 30, 40]
    assert list(begun.differences()) == []
    # And so does what is saved, which may be gone on with again.
    one = save_trained(went_on, Config(longer, {}), tmp_path / "one")
    other = save_trained(at_once, Config(longer, {}), tmp_path / "other")
    assert (one / "metrics.json").read_bytes() == (other / "metrics.json").read_bytes()
    key = jax.random.key(1)
    assert np.array_equal(load_generator(one)(key, 3), load_generator(other)(key, 3))
    assert read_begun(one).steps == 40


def test_what_goes_by_the_share_of_all_steps_is_named(spec, make_spec) -> None:
    assert list(spread_over_steps(spec)) == []
    changed = spec.with_values(
        {
            "train.learning_rate_schedule": "cosine",
            "train.learning_rate_warmup": 0.1,
            "penalty.schedule": "linear",
        }
    )
    told = list(spread_over_steps(changed))
    assert [each.split(" = ")[0] for each in told] == [
        "train.learning_rate_schedule",
        "train.learning_rate_warmup",
        "penalty.schedule",
    ]
    assert all("share of all steps" in each for each in told)


def test_other_versions_are_named(folder) -> None:
    begun = read_begun(folder)
    begun.versions["jax"] = "0.0.1"
    (told,) = begun.differences()
    assert told.startswith("jax: ") and told.endswith("0.0.1 where it was trained")


def test_other_images_are_refused(spec, folder) -> None:
    begun = read_begun(folder)
    other = with_steps(spec, 40).with_values({"data.limit": 180})
    with pytest.raises(UserError, match=r"^data: the fingerprint is .* accepted: the same images"):
        train_config(other, begun=begun)


@pytest.mark.parametrize("steps", [20, 10, 35])
def test_steps_are_whole_chunks_beyond_those_trained(spec, steps: int) -> None:
    told = f"^--steps {steps}: accepted: multiples of 10, the steps of a chunk above 20$"
    with pytest.raises(UserError, match=told):
        with_steps(spec, steps, after=20)


def test_a_folder_without_its_state_is_refused(tmp_path) -> None:
    with pytest.raises(UserError, match="holds no state/ to go on with"):
        read_begun(tmp_path)


def test_a_state_of_another_config_is_refused(spec, folder, tmp_path) -> None:
    begun = read_begun(folder)
    wider = with_steps(spec, 40).with_values({"model.generator_hidden": (24,)})
    with pytest.raises(UserError, match=r"state: is not the state of a training of its config"):
        train_config(wider, begun=begun)


def test_a_state_that_is_damaged_is_refused(spec, folder, tmp_path) -> None:
    other = shutil.copytree(folder, tmp_path / "out")
    for path in (other / "state").rglob("*"):
        if path.is_file():
            path.write_bytes(b"")
    with pytest.raises(UserError, match="state: cannot be read: "):
        train_config(with_steps(spec, 40), begun=read_begun(other))


def test_three_lines_load_generator_and_discriminator(spec, folder, monkeypatch) -> None:
    """The lines of docs/after.md."""
    page = (Path(__file__).parents[2] / "docs" / "after.md").read_text(encoding="utf-8")
    code = next(part for part in page.split("```python\n") if part.startswith("import jax")).split(
        "```"
    )[0]
    assert "load_generator" in code and "load_network" in code
    monkeypatch.chdir(folder.parent)
    found: dict[str, object] = {}
    exec(code, found)
    images, logits = found["images"], found["logits"]
    assert np.array_equal(images, load_generator(folder)(jax.random.key(0), 16))
    made = train_config(spec, seed=11)
    apply = networks(program_of(spec, (8, 8, 1), 1).architecture).apply["discriminator"]
    wanted, _ = jax.jit(apply)(made.state.networks["discriminator"], images)
    assert np.array_equal(logits, wanted)
    assert load_network(folder, "discriminator")(images).shape == (16,)


def test_the_steps_in_the_metrics_are_those_of_all(folder) -> None:
    metrics = json.loads((folder / "metrics.json").read_text())
    assert (metrics["steps"], metrics["seed"]) == (20, 11)
