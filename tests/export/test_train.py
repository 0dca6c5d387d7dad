"""A config trained on all of its data, as a folder, and loaded back from it."""

import json
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import jax
import numpy as np
import pytest
from matplotlib.figure import Figure
from PIL import Image

from normsweep.engine.settings import program_of
from normsweep.errors import UserError
from normsweep.export import trained
from normsweep.export.again import Trained, train_config
from normsweep.export.configs import best_config
from normsweep.export.trained import check_folder, load_generator, save_trained
from normsweep.models.architecture import networks
from normsweep.models.latents import LATENTS
from normsweep.models.layers.mode import Mode
from normsweep.models.networks.contract import Variables
from normsweep.score import pictures
from normsweep.spec import Spec
from normsweep.spec.config import Config, read_config

NAMES = ["checkpoint", "config.toml", "curves.png", "metrics.json", "samples.png", "state"]


@pytest.fixture(scope="module")
def config(example) -> Config:
    return best_config(example.study)


@pytest.fixture(scope="module")
def made(config) -> Trained:
    return train_config(config.spec)


@pytest.fixture(scope="module")
def folder(made, config, tmp_path_factory) -> Path:
    return save_trained(made, config, tmp_path_factory.mktemp("trained") / "out")


def test_a_saved_generator_samples_as_the_trained_state_does(made, folder, config) -> None:
    program = program_of(config.spec, (8, 8, 1), 1)
    key = jax.random.key(5)
    latent = LATENTS["normal"](key, (33, 8))
    wanted, _ = jax.jit(networks(program.architecture).apply["generator"])(
        made.state.networks["generator"], latent
    )
    found = load_generator(folder)(key, 33)
    assert found.shape == (33, 8, 8, 1)
    assert found.dtype == np.float32
    assert np.array_equal(found, wanted)
    assert not np.array_equal(load_generator(folder)(jax.random.key(6), 33), wanted)


def test_where_an_average_of_the_generator_is_kept_it_is_the_one_that_samples(
    made, config, tmp_path
) -> None:
    average = jax.tree.map(lambda leaf: leaf / 2, made.state.networks["generator"])
    averaged = replace(made, state=made.state._replace(averages={"generator": average}))
    folder = save_trained(averaged, config, tmp_path / "out")
    key = jax.random.key(5)
    generator = networks(program_of(config.spec, (8, 8, 1), 1).architecture).apply["generator"]
    wanted, _ = jax.jit(generator)(average, LATENTS["normal"](key, (4, 8)))
    assert np.array_equal(load_generator(folder)(key, 4), wanted)


def test_training_moves_the_weights_and_repeats_itself_to_the_bit(made, config) -> None:
    again = train_config(config.spec)
    jax.tree.map(np.testing.assert_array_equal, made.state, again.state)
    other = train_config(config.spec, seed=99)
    assert other.seed == 99
    largest = jax.tree.map(
        lambda a, b: float(np.abs(a - b).max()),
        made.state.networks["generator"],
        other.state.networks["generator"],
    )
    assert max(jax.tree.leaves(largest)) > 0.01


def test_it_trains_on_every_image_but_those_of_the_feature_map(made, example) -> None:
    rows = made.setup.plan.train
    assert rows.shape == (1, 140)
    assert len(set(rows[0])) == 140
    assert set(rows[0]).isdisjoint(made.setup.plan.feature_indices)


def test_the_folder_holds_what_was_promised(folder) -> None:
    assert sorted(path.name for path in folder.iterdir()) == NAMES
    assert [path.name for path in folder.parent.iterdir()] == ["out"]


def test_its_config_is_the_one_it_was_trained_with(folder, config) -> None:
    found = read_config(folder / "config.toml")
    assert found.spec == config.spec
    assert found.provenance["fold_scores"] == config.provenance["fold_scores"]


def test_its_metrics_are_the_measurements(folder, made) -> None:
    metrics = json.loads((folder / "metrics.json").read_text())
    assert [row["step"] for row in metrics["curve"]] == [10, 20, 30, 40]
    assert [row["fid"] for row in metrics["curve"]] == [row.fid for row in made.measurements]
    assert (metrics["seed"], metrics["steps"]) == (3, 40)
    assert metrics["training_images"] == 140
    assert metrics["image_shape"] == [8, 8, 1]


@pytest.mark.parametrize("name", ["samples.png", "curves.png"])
def test_its_pictures_open_and_show_something(folder, name: str) -> None:
    with Image.open(folder / name) as image:
        image.load()
        assert image.format == "PNG"
        assert min(image.size) >= 300
        assert len(np.unique(np.asarray(image.convert("L")))) > 10


def test_a_grid_shows_every_image_in_its_place(tmp_path) -> None:
    """Seven images of one grey each: 3 columns and 3 rows, the last two places empty."""
    greys = np.linspace(-1, 0.8, 7, dtype=np.float32)
    images = np.broadcast_to(greys[:, None, None, None], (7, 4, 4, 1))
    pictures.draw_grid(images, tmp_path / "grid.png")
    with Image.open(tmp_path / "grid.png") as image:
        pixels = np.asarray(image.convert("L")).astype(float)
    cell = pixels.shape[0] / (3 * 5 + 1)
    centres = [round((1 + 5 * place + 2) * cell) for place in range(3)]
    found = [pixels[row, column] for row in centres for column in centres]
    wanted = [*np.round((greys + 1) / 2 * 255), 255, 255]
    assert found == pytest.approx(wanted, abs=1)


def test_a_folder_that_cannot_be_written_whole_is_not_there_at_all(
    made, config, tmp_path, monkeypatch
) -> None:
    def fail(*_: object) -> None:
        raise OSError("disk full")

    monkeypatch.setattr(trained, "draw_curves", fail)
    with pytest.raises(OSError, match="disk full"):
        save_trained(made, config, tmp_path / "deep" / "out")
    assert list((tmp_path / "deep").iterdir()) == []


def test_an_empty_folder_is_filled_and_a_used_one_refused(made, config, tmp_path) -> None:
    empty = tmp_path / "empty"
    empty.mkdir()
    save_trained(made, config, empty)
    assert sorted(path.name for path in empty.iterdir()) == NAMES
    with pytest.raises(UserError, match="exists and is not an empty folder"):
        save_trained(made, config, empty)


def test_a_folder_below_a_file_is_refused_before_training(tmp_path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(UserError, match="is not a writable folder"):
        check_folder(tmp_path / "file" / "out")


def test_a_folder_without_a_checkpoint_is_refused_by_name(tmp_path) -> None:
    with pytest.raises(UserError, match=r"holds no checkpoint/; `sweep train"):
        load_generator(tmp_path)


@pytest.fixture(scope="module")
def elaborate(make_spec, tmp_path_factory) -> tuple[Spec, Trained, Path]:
    """A GAN with all that is kept beside its weights: statistics, iterations, average, units."""
    spec = make_spec(
        study__sampler="random",
        model__generator_normalisation="batch",
        model__generator_units=12,
        model__discriminator_normalisation="spectral",
        model__discriminator_dropout=0.2,
        model__latent_distribution="uniform",
        train__steps=8,
        train__chunks=2,
        train__ema=0.9,
        penalty__form="none",
        penalty__strength=None,
        penalty__order=None,
        penalty__target=None,
        score__record=["recall", "copying"],
    )
    made = train_config(spec)
    folder = tmp_path_factory.mktemp("elaborate") / "out"
    return spec, made, save_trained(made, Config(spec, {}), folder)


def test_statistics_and_averages_are_saved_with_the_generator_and_used(elaborate) -> None:
    spec, made, folder = elaborate
    state = made.state
    key = jax.random.key(5)
    latent = LATENTS["uniform"](key, (9, 8))
    generator = networks(program_of(spec, (8, 8, 1), 1).architecture).apply["generator"]

    @partial(jax.jit, static_argnums=1)
    def images(variables: Variables, units: int | None) -> jax.Array:
        return generator(variables, latent, Mode(units=units))[0]

    averaged = state.averages["generator"]
    with_last = averaged._replace(stats=state.networks["generator"].stats)
    found = load_generator(folder)(key, 9)
    assert np.array_equal(found, images(averaged, 12))
    for other, units in ((state.networks["generator"], 12), (with_last, 12), (averaged, 11)):
        assert not np.array_equal(found, images(other, units))
    stats = jax.tree.leaves(averaged.stats)
    assert any(np.any((leaf != 0) & (leaf != 1)) for leaf in stats)


def test_what_is_recorded_of_a_training_is_in_its_metrics(elaborate) -> None:
    _, made, folder = elaborate
    curve = json.loads((folder / "metrics.json").read_text())["curve"]
    for stored, row in zip(curve, made.measurements, strict=True):
        assert stored["others"] == row.others
        assert {"recall", "copying", "generator_zeros", "strength_factor"} <= row.others.keys()


def test_what_is_recorded_of_a_training_is_drawn(elaborate, tmp_path, monkeypatch) -> None:
    titles: list[str] = []
    save = Figure.savefig

    def watch(figure: Any, *arguments: Any, **options: Any) -> None:
        titles.extend(axes.get_title() for axes in figure.axes if axes.get_visible())
        save(figure, *arguments, **options)

    monkeypatch.setattr(Figure, "savefig", watch)
    pictures.draw_curves(elaborate[1].measurements, tmp_path / "curves.png")
    assert {"FID-proxy", "KID", "recall", "copying"} <= set(titles)
    # Without a penalty its factor is 1 throughout and nothing makes zeros: units out of use do not
    # count.
    assert not any("factor" in title or "zeros" in title for title in titles)


@pytest.mark.parametrize(
    ("penalty", "strengths"),
    [
        ({"form": "power", "strength": 0.02, "order": 1.5}, {"strength": 0.02}),
        ({"form": "elastic", "l1": 0.01, "l2": 0.03}, {"l1": 0.01, "l2": 0.03}),
    ],
)
def test_the_way_of_a_strength_that_moves_is_drawn(
    make_spec, tmp_path, monkeypatch, penalty, strengths
) -> None:
    fields = {"strength": None, "order": None, "target": "both"} | penalty
    ways = {"schedule": "linear", "schedule_start": 0.0, "schedule_end": 2.0}
    spec = make_spec(
        study__sampler="random",
        train__steps=8,
        train__chunks=4,
        **{f"penalty__{name}": value for name, value in (fields | ways).items()},
    )
    made = train_config(spec)
    drawn: dict[str, list[float]] = {}
    save = Figure.savefig

    def watch(figure: Any, *arguments: Any, **options: Any) -> None:
        for axes in figure.axes:
            if axes.get_title() == pictures.WAY_OF_STRENGTH:
                drawn.update({line.get_label(): line.get_ydata() for line in axes.get_lines()})
        save(figure, *arguments, **options)

    monkeypatch.setattr(Figure, "savefig", watch)
    save_trained(made, Config(spec, {}), tmp_path / "out")
    # Two steps a chunk, of which the second counts.
    factors = 2 * np.array([1, 3, 5, 7]) / 8
    assert set(drawn) == set(strengths)
    for name, strength in strengths.items():
        np.testing.assert_allclose(drawn[name], strength * factors, rtol=1e-6)
