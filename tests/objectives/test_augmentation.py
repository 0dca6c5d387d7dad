"""Augmentations against NumPy and SciPy, and the paper's ranges."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.ndimage import shift as scipy_shift

from normsweep.objectives.augmentation import AUGMENTATIONS, POLICIES, augment, parse_policy

every_augmentation = pytest.mark.parametrize("name", list(AUGMENTATIONS))
# Each alone, and all together.
every_kind = pytest.mark.parametrize("policy", [*AUGMENTATIONS, POLICIES[-1]])
every_shape = pytest.mark.parametrize("shape", [(1, 1, 1, 1), (2, 5, 1, 4), (3, 8, 9, 2)])
strengths = st.floats(0, 1, width=32)
seeds = st.integers(0, 2**31 - 1)

run_policy = jax.jit(augment, static_argnums=0)


def pictures(shape=(5, 8, 12, 3), seed=0):
    return jnp.float32(np.random.default_rng(seed).uniform(-1, 1, size=shape))


def apply(name, images, strength=1.0, seed=0):
    return AUGMENTATIONS[name].apply(jax.random.key(seed), images, strength)


@every_augmentation
@pytest.mark.parametrize("dtype", [jnp.float32, jnp.bfloat16])
def test_strength_0_returns_the_images_bit_for_bit(name, dtype):
    images = pictures().at[0, 0, 0].set(-0.0).at[0, 1].set(1e30).at[1, 0, 0, 0].set(np.inf)
    images = images.astype(dtype)
    run = jax.jit(lambda strength: apply(name, images, strength))
    for strength in (jnp.float32(0), jnp.float32(-0.0)):
        out = run(strength)
        assert out.dtype == dtype
        assert np.asarray(out).tobytes() == np.asarray(images).tobytes()


@every_kind
@every_shape
@given(strength=strengths, seed=seeds)
def test_augmentation_keeps_shape_dtype_and_finiteness(policy, shape, strength, seed):
    key = jax.random.key(seed)
    out = run_policy(parse_policy(policy), key, pictures(shape), jnp.float32(strength))
    assert out.shape == shape and out.dtype == jnp.float32
    assert np.isfinite(out).all()
    assert np.abs(out).max() <= 1.5 + 1e-6


def best_shift(before, after, axis, reach):
    """The shift along an axis whose bilinear interpolation, with edges repeated, fits best."""
    candidates = np.linspace(-reach, reach, 401)
    offsets = [(s, 0.0) if axis == 0 else (0.0, s) for s in candidates]
    shifted = [scipy_shift(before, offset, order=1, mode="nearest") for offset in offsets]
    errors = [np.abs(image - after).max() for image in shifted]
    return candidates[np.argmin(errors)], min(errors)


@pytest.mark.parametrize("axis", [0, 1])
def test_translation_is_a_bilinear_shift_by_up_to_an_eighth_that_repeats_the_edge(axis):
    height, width = 16, 24
    side = (height, width)[axis]
    # Images that vary along one axis only show the shift along it.
    profile = np.cumsum(np.random.default_rng(0).uniform(-0.1, 0.1, size=(6, side)), axis=1)
    shape = (6, height, 1, 1) if axis == 0 else (6, 1, width, 1)
    images = np.broadcast_to(profile.reshape(shape), (6, height, width, 1)).astype(np.float32)
    moved = np.asarray(apply("translation", jnp.asarray(images)))
    shifts = []
    for before, after in zip(images[..., 0], moved[..., 0], strict=True):
        found, error = best_shift(before.astype(np.float64), after, axis, side / 8)
        assert error < 2e-3
        shifts.append(found)
    assert len(np.unique(shifts)) == 6


@pytest.mark.parametrize("strength", [0.3, 1.0])
def test_translation_moves_uniformly_and_independently_along_both_axes(strength):
    n, height, width = 2000, 8, 16
    rows = np.broadcast_to(np.arange(height)[:, None], (height, width))
    columns = np.broadcast_to(np.arange(width)[None, :], (height, width))
    ramps = jnp.float32(np.stack([rows, columns], -1))
    images = jnp.broadcast_to(ramps, (n, height, width, 2))
    moved = apply("translation", images, strength)
    # In the middle of a ramp of slope 1 the change is minus the shift.
    down, right = (np.asarray(moved - images)[:, height // 2, width // 2]).T
    for shifts, side in ((down, height), (right, width)):
        reach = strength * side / 8
        assert np.abs(shifts).max() <= reach + 1e-5
        assert np.abs(shifts).max() > 0.99 * reach
        assert np.std(shifts) == pytest.approx(reach / np.sqrt(3), rel=0.05)
        assert np.mean(shifts) == pytest.approx(0, abs=0.06 * reach)
    assert abs(np.corrcoef(down, right)[0, 1]) < 0.08


@every_shape
@given(strength=strengths, level=st.floats(-1, 1, width=32), seed=seeds)
def test_translation_leaves_no_border_on_an_even_background(shape, strength, level, seed):
    images, key = jnp.full(shape, np.float32(level)), jax.random.key(seed)
    moved = run_policy(("translation",), key, images, jnp.float32(strength))
    np.testing.assert_allclose(moved, images, rtol=5e-7, atol=1e-37)


@pytest.mark.parametrize("strength", [0.25, 0.5, 1.0])
def test_cutout_blanks_one_rectangle_of_at_most_half_of_each_side(strength):
    n, height, width = 500, 8, 16
    images = 2 + pictures((n, height, width, 2))
    out = np.asarray(apply("cutout", images, strength))
    hole = out == 0
    assert (hole[..., 0] == hole[..., 1]).all()
    np.testing.assert_array_equal(out[~hole], np.asarray(images)[~hole])
    hole = hole[..., 0]
    rows, columns = hole.any(2), hole.any(1)
    np.testing.assert_array_equal(hole, rows[:, :, None] & columns[:, None, :])
    for covered, side in ((rows, height), (columns, width)):
        lengths = covered.sum(1)
        assert lengths.max() == strength * side / 2
        # One stretch: it starts at most once, and ends at most once.
        assert (np.abs(np.diff(covered, axis=1, prepend=0, append=0).astype(int)).sum(1) <= 2).all()
        # E|interval ∩ [0, 1]| of a length d and a centre uniform on [0, 1] is d − d²/4.
        d = strength / 2
        assert lengths.mean() / side == pytest.approx(d - d**2 / 4, rel=0.06)


def test_cutout_has_the_papers_odds_for_every_pixel_of_the_middle():
    hole = np.asarray(apply("cutout", jnp.ones((4000, 8, 8, 1)))) == 0
    # A centre within 2 pixels of the middle, out of 8, on either axis.
    assert hole[:, 4, 4, 0].mean() == pytest.approx(0.25, abs=0.03)


@given(strength=strengths, seed=seeds)
def test_brightness_adds_one_number_to_all_of_an_image(strength, seed):
    images = pictures((4, 3, 5, 2))
    added = np.asarray(apply("brightness", images, strength, seed) - images).reshape(4, -1)
    np.testing.assert_allclose(added, np.broadcast_to(added[:, :1], added.shape), atol=3e-7)
    assert np.abs(added).max() <= strength / 2 + 3e-7


def test_brightness_is_uniform_on_a_half_either_way():
    added = np.sort(np.asarray(apply("brightness", jnp.zeros((4000, 1, 1, 1)))).ravel())
    assert np.abs(added + 0.5 - np.arange(4000) / 4000).max() < 1.95 / np.sqrt(4000)


def test_the_gradient_of_a_translation_is_its_transpose():
    images, key = pictures(), jax.random.key(3)
    out, pull_back = jax.vjp(lambda x: AUGMENTATIONS["translation"].apply(key, x, 0.7), images)
    other = pictures(seed=1)
    left = np.vdot(np.float64(out), np.float64(other))
    right = np.vdot(np.float64(images), np.float64(pull_back(other)[0]))
    assert left == pytest.approx(right, rel=1e-5)


@every_kind
def test_gradients_are_those_of_finite_differences(policy):
    # Every augmentation is affine in the images: a difference over a large step is exact.
    images, direction, aim = pictures(), pictures(seed=1), pictures(seed=2)

    def score(x):
        return jnp.vdot(augment(parse_policy(policy), jax.random.key(4), x, 0.8), aim)

    slope = jax.jit(jax.grad(score))(images)
    expected = (score(images + direction) - score(images - direction)) / 2
    assert np.vdot(slope, direction) == pytest.approx(float(expected), rel=1e-4, abs=1e-4)


def test_no_gradient_comes_through_a_hole():
    images = pictures() + 2
    hole = np.asarray(apply("cutout", images)) == 0
    slope = jax.grad(lambda x: jnp.sum(apply("cutout", x)))(images)
    assert hole.any()
    np.testing.assert_array_equal(slope, np.where(hole, 0.0, 1.0))


def test_the_draws_of_one_do_not_depend_on_which_others_are_on():
    key, images = jax.random.key(5), pictures() + 3
    alone = {name: np.asarray(augment((name,), key, images, 1.0)) for name in AUGMENTATIONS}
    hole = alone["cutout"] == 0
    cut = np.asarray(augment(("translation", "cutout"), key, images, 1.0))
    np.testing.assert_array_equal(cut, np.where(hole, 0, alone["translation"]))
    bright = np.asarray(augment(("cutout", "brightness"), key, images, 1.0))
    np.testing.assert_array_equal(bright[~hole], alone["brightness"][~hole])


def test_the_draws_of_one_say_nothing_about_those_of_another():
    images = jnp.broadcast_to(
        jnp.arange(1, 17, dtype=np.float32).reshape(1, 16, 1, 1), (2000, 16, 16, 1)
    )
    key = jax.random.key(7)
    bright, moved, cut = (np.asarray(augment((name,), key, images, 1.0)) for name in AUGMENTATIONS)
    shifts = moved[:, 8, 8, 0]
    rows = (cut == 0).any((2, 3))
    middles = (rows * np.arange(16)).sum(1) / rows.sum(1)
    added = bright[:, 0, 0, 0]
    correlations = np.corrcoef([shifts, middles, added])
    assert np.abs(correlations - np.eye(3)).max() < 0.08


@every_augmentation
def test_each_image_and_each_key_has_its_own_draw(name):
    images = jnp.broadcast_to(pictures((1, 16, 16, 1)) + 2, (8, 16, 16, 1))
    out = np.asarray(apply(name, images))
    assert len({image.tobytes() for image in out}) == 8
    assert not np.array_equal(out, apply(name, images, seed=1))
    np.testing.assert_array_equal(out, apply(name, images))


def test_members_with_strengths_of_their_own_get_what_they_would_get_alone():
    images, key = pictures(), jax.random.key(6)
    several = jnp.float32([0.0, 0.4, 1.0])

    def run(strength):
        return augment(tuple(AUGMENTATIONS), key, images, strength)

    alone = np.stack([run(strength) for strength in several])
    np.testing.assert_allclose(jax.jit(jax.vmap(run))(several), alone, atol=1e-6)
    np.testing.assert_allclose(jax.jit(lambda s: jax.lax.map(run, s))(several), alone, atol=1e-6)


def test_an_empty_policy_changes_nothing():
    images = pictures()
    np.testing.assert_array_equal(augment((), jax.random.key(0), images, 1.0), images)


def test_policies_are_all_choices_in_the_order_of_the_table():
    assert POLICIES == (
        "brightness",
        "translation",
        "cutout",
        "brightness+translation",
        "brightness+cutout",
        "translation+cutout",
        "brightness+translation+cutout",
    )
    for policy in POLICIES:
        assert "+".join(parse_policy(policy)) == policy


def test_two_spellings_of_a_policy_are_one():
    assert parse_policy("translation+brightness") == ("brightness", "translation")


@pytest.mark.parametrize(
    "policy", ["", "rotation", "cutout+", "cutout+cutout", "cutout,brightness"]
)
def test_an_unknown_policy_is_an_error_that_names_the_accepted_ones(policy):
    with pytest.raises(ValueError, match="accepted: any of brightness, translation, cutout"):
        parse_policy(policy)
