"""One more entry for each table that takes one: a file of its own, an import, a line."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Addition:
    """An entry called `name` for the table called `table`.

    `file` is new, beside the others of its kind, with the text `text`; `names` are imported from it
    into the file of the table, and `entry` is what stands in the table.
    """

    table: str
    name: str
    file: str
    names: tuple[str, ...]
    entry: str
    text: str

    @property
    def line(self) -> str:
        """The line in the table; sections of the report have no names."""
        return self.entry if self.table == "SECTIONS" else f'"{self.name}": {self.entry}'


ADDITIONS = (
    Addition(
        "CONSTRAINTS",
        "non_negative",
        "objectives/constraints/non_negative.py",
        ("NON_NEGATIVE",),
        "NON_NEGATIVE",
        '''
"""Weights between 0 and the radius."""

import jax
import jax.numpy as jnp

from normsweep.objectives.aliases import PyTree, Scalar
from normsweep.objectives.constraints.balls import linf_size
from normsweep.objectives.constraints.constraint import Constraint, prepare_ball


def project_non_negative(params: PyTree, radius: Scalar) -> PyTree:
    """Returns every weight clipped to [0, radius]."""
    tree, bound = prepare_ball(params, radius)
    return jax.tree.map(lambda w: jnp.clip(w, 0, bound.astype(w.dtype)), tree)


NON_NEGATIVE = Constraint(
    project_non_negative, linf_size, "0 ≤ w ≤ radius", "Lee and Seung, Nature 401, 1999"
)
''',
    ),
    Addition(
        "ADVERSARIAL_LOSSES",
        "bounded",
        "objectives/bounded_loss.py",
        ("bounded_discriminator", "bounded_generator"),
        'AdversarialLoss(bounded_generator, bounded_discriminator, False, True, "tanh(D)", "none")',
        '''
"""A loss whose gradient vanishes on both sides."""

import jax
import jax.numpy as jnp


def bounded_generator(fake_logits: jax.Array) -> jax.Array:
    """Returns −E[tanh(D(fake))]."""
    return -jnp.mean(jnp.tanh(fake_logits))


def bounded_discriminator(real_logits: jax.Array, fake_logits: jax.Array) -> jax.Array:
    """Returns E[tanh(D(fake))] − E[tanh(D(real))]."""
    return jnp.mean(jnp.tanh(fake_logits)) - jnp.mean(jnp.tanh(real_logits))
''',
    ),
    Addition(
        "GRADIENT_PENALTIES",
        "midpoint",
        "objectives/midpoint_penalty.py",
        ("midpoint",),
        'GradientPenalty(midpoint, square, "‖∇D‖² halfway between the images", "none")',
        '''
"""Points halfway between real and generated images."""

import jax


def midpoint(key: jax.Array, real: jax.Array, fake: jax.Array) -> jax.Array:
    """Returns ½·(real + fake)."""
    del key
    return (real + fake) / 2
''',
    ),
    Addition(
        "AUGMENTATIONS",
        "mirror",
        "objectives/mirror.py",
        ("mirror",),
        'Augmentation(mirror, "left and right changed, with probability strength/2", "none")',
        '''
"""Mirrored images."""

import jax
import jax.numpy as jnp
import numpy as np

from normsweep.objectives.aliases import Scalar


def mirror(key: jax.Array, images: jax.Array, strength: Scalar) -> jax.Array:
    """Mirrors each image with the probability strength/2."""
    draws = jax.random.uniform(key, (images.shape[0], 1, 1, 1), np.float32)
    return jnp.where(draws < jnp.asarray(strength, np.float32) / 2, images[:, :, ::-1], images)
''',
    ),
    Addition(
        "STRENGTH_SCHEDULES",
        "root",
        "objectives/root_schedule.py",
        ("root",),
        'StrengthSchedule(root, _RAMP, "a root from start to end", "none")',
        '''
"""A way that is steep first."""

import jax
import jax.numpy as jnp


def root(x: jax.Array) -> jax.Array:
    """Returns √x."""
    return jnp.sqrt(x)
''',
    ),
    Addition(
        "OVERFITTING_SIGNALS",
        "spread",
        "objectives/spread_signal.py",
        ("spread",),
        'OverfittingSignal(spread, False, False, "std(D(real))", "none")',
        '''
"""How far the logits of real images lie apart."""

import jax
import jax.numpy as jnp


def spread(
    real_logits: jax.Array, fake_logits: jax.Array, validation_logits: jax.Array | None = None
) -> jax.Array:
    """Returns std(D(real))."""
    del fake_logits, validation_logits
    return jnp.std(real_logits)
''',
    ),
    Addition(
        "DISTANCES",
        "means",
        "objectives/distances/means.py",
        ("MEANS",),
        "MEANS",
        '''
"""The distance of the means alone."""

import numpy as np

from normsweep.objectives.distances.contract import LOWER, Distance, RealFeatures
from normsweep.objectives.distances.samples import Float64Array


def mean_of(samples: RealFeatures) -> Float64Array:
    """Returns the mean of the held-out features."""
    return samples.held_out.mean(axis=0)


def distance_of_means(mean: Float64Array, features: Float64Array) -> float:
    """Returns |μ₁ − μ₂|."""
    return float(np.linalg.norm(mean - features.mean(axis=0)))


MEANS = Distance(mean_of, distance_of_means, float, LOWER, "≥ 0", "|μ₁ − μ₂|", "none")
''',
    ),
    Addition(
        "FEATURE_MAPS",
        "pixels",
        "objectives/features/pixels.py",
        ("PIXELS",),
        "PIXELS",
        '''
"""Some of the pixels, drawn once."""

import jax

from normsweep.objectives.aliases import PyTree
from normsweep.objectives.features.contract import feature_map
from normsweep.objectives.features.layers import flatten


def fit(key: jax.Array, images: jax.Array, labels: jax.Array | None, dimension: int) -> PyTree:
    """Returns the places of the pixels."""
    del labels
    return jax.random.permutation(key, flatten(images).shape[1])[:dimension]


def apply(params: PyTree, images: jax.Array) -> jax.Array:
    """Returns the pixels at these places."""
    return flatten(images)[:, params]


PIXELS = feature_map(fit, apply, needs_labels=False, summary="some of the pixels", source="none")
''',
    ),
    Addition(
        "NETWORKS",
        "linear",
        "models/networks/linear.py",
        ("Linear",),
        "Linear",
        '''
"""Networks without hidden layers."""

import math
from dataclasses import dataclass

import jax
from flax import nnx

from normsweep.models.layers.activations import IMAGE_OUTPUTS
from normsweep.models.layers.mode import EVALUATION, Mode
from normsweep.models.networks.contract import Network, PureNetwork, Shape
from normsweep.models.networks.modules import of_modules


@dataclass(frozen=True)
class Linear(Network):
    """One linear layer (Rosenblatt, Psychol. Rev. 65, 1958)."""

    output: str = "linear"

    def pure(self, inputs: Shape, outputs: Shape) -> PureNetwork:
        """The network between these shapes."""
        return of_modules(lambda units, rngs: LinearModule(self, inputs, outputs, rngs))


class LinearModule(nnx.Module):
    """[n, *inputs] → [n, *outputs]."""

    def __init__(self, described: Linear, inputs: Shape, outputs: Shape, rngs: nnx.Rngs) -> None:
        self.layer = nnx.Linear(math.prod(inputs), math.prod(outputs), rngs=rngs)
        self.outputs = outputs
        self.output = IMAGE_OUTPUTS[described.output]

    def __call__(self, x: jax.Array, mode: Mode = EVALUATION) -> jax.Array:
        x = self.output(self.layer(x.reshape(len(x), -1)))
        return x.reshape(len(x), *self.outputs)
''',
    ),
    Addition(
        "NORMALISATIONS",
        "rms",
        "models/layers/rms_norm.py",
        ("rms_norm",),
        'Normalisation("γ·x/√(E[x²] + ε)", "arXiv:1910.07467", between=rms_norm)',
        '''
"""Normalisation by the root mean square."""

from flax import nnx
from jax.typing import ArrayLike


def rms_norm(width: int, units: ArrayLike | None, rngs: nnx.Rngs) -> nnx.Module:
    """A layer that divides by the root mean square over the units."""
    del units
    return nnx.RMSNorm(width, rngs=rngs)
''',
    ),
    Addition(
        "ACTIVATIONS",
        "softplus",
        "models/layers/softplus.py",
        ("softplus",),
        "softplus",
        '''
"""A smooth rectifier."""

import jax


def softplus(x: jax.Array) -> jax.Array:
    """log(1 + exp(x)) (Dugas et al., NeurIPS 2001)."""
    return jax.nn.softplus(x)
''',
    ),
    Addition(
        "IMAGE_OUTPUTS",
        "clipped",
        "models/layers/clipped.py",
        ("clipped",),
        "clipped",
        '''
"""Pixels cut off at their bounds."""

import jax
import jax.numpy as jnp


def clipped(x: jax.Array) -> jax.Array:
    """x between −1 and 1, which are never left."""
    return jnp.clip(x, -1, 1)
''',
    ),
    Addition(
        "LATENTS",
        "laplace",
        "models/laplace.py",
        ("laplace",),
        "laplace",
        '''
"""A latent vector with heavy tails."""

import jax
import numpy as np


def laplace(key: jax.Array, shape: tuple[int, ...]) -> jax.Array:
    """float32 standard Laplace, from a typed key."""
    return jax.random.laplace(key, shape, np.float32)
''',
    ),
    Addition(
        "OPTIMIZERS",
        "lion",
        "models/lion.py",
        ("lion",),
        'Optimizer(lion, ("beta1", "beta2"), "the sign of a momentum", "arXiv:2302.06675")',
        '''
"""Lion."""

from typing import Any

import optax


def lion(settings: Any, decayed: Any) -> optax.GradientTransformation:
    """Optax's, without its decay."""
    del decayed
    return optax.lion(settings.learning_rate, settings.beta1, settings.beta2, weight_decay=0.0)
''',
    ),
    Addition(
        "LEARNING_RATE_SCHEDULES",
        "quadratic",
        "models/quadratic_rate.py",
        ("quadratic",),
        "quadratic",
        '''
"""A rate that falls fast first."""

import optax


def quadratic(steps: int, end: float) -> optax.Schedule:
    """1 to end on a parabola (optax.polynomial_schedule)."""
    return optax.polynomial_schedule(1.0, end, 2, steps)
''',
    ),
    Addition(
        "SAMPLERS",
        "evolution",
        "sweep/search/evolution.py",
        ("evolution",),
        "evolution",
        '''
"""A genetic algorithm."""

from typing import Any

import optuna


def evolution(settings: Any) -> optuna.samplers.BaseSampler:
    """NSGA-II (Deb et al., IEEE Trans. Evol. Comput. 6, 2002)."""
    return optuna.samplers.NSGAIISampler(seed=settings.trial_seed)
''',
    ),
    Addition(
        "PRUNERS",
        "above_zero",
        "sweep/search/above_zero.py",
        ("above_zero",),
        "above_zero",
        '''
"""A pruner that is never content."""

from typing import Any

import optuna


def above_zero(settings: Any) -> optuna.pruners.BasePruner:
    """Prunes what scores above 0."""
    del settings
    return optuna.pruners.ThresholdPruner(upper=0.0)
''',
    ),
    Addition(
        "DATASETS",
        "stripes",
        "sweep/data/stripes.py",
        ("stripes",),
        "stripes",
        '''
"""Images of stripes, drawn here."""

from pathlib import Path

import numpy as np

from normsweep.data.dataset import Dataset, make_dataset


def stripes(path: Path | None, split: str) -> Dataset:
    """120 images of 4×4 with one bright row or column."""
    del path, split
    places = np.arange(120) % 8
    images = np.zeros((120, 4, 4), np.float32)
    for image, place in zip(images, places, strict=True):
        (image if place < 4 else image.T)[place % 4] = 1 + np.arange(4) % 2
    return make_dataset("stripes", images / 2, places)
''',
    ),
    Addition(
        "PICTURES",
        "dots",
        "sweep/data/dots.py",
        ("dots",),
        "dots",
        '''
"""Pictures of a dot, encoded here."""

import io
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from PIL import Image

from normsweep.data.listing import Listing


class Dots:
    """Nine pictures, one for each place of the dot."""

    def __len__(self) -> int:
        return 9

    def read(self) -> Iterator[bytes]:
        for place in range(9):
            file = io.BytesIO()
            Image.fromarray(np.eye(1, 9, place, np.uint8).reshape(3, 3) * 255).save(file, "PNG")
            yield file.getvalue()


def dots(path: Path | None, split: str) -> Listing:
    """9 pictures of 3×3 with a bright dot."""
    del path, split
    names = tuple(f"dot {place}" for place in range(9))
    return Listing("dots", "dots", names, (Dots(),), np.arange(9), None, "nine dots")
''',
    ),
    Addition(
        "TESTS",
        "signs",
        "sweep/verdict/statistics/signs.py",
        ("signs",),
        'EffectTest(signs, "the sign test over the means of the seeds", "Arbuthnott 1710")',
        '''
"""The sign test."""

import numpy as np
from scipy.stats import binomtest

from normsweep.verdict.statistics.estimate import Estimate


def signs(differences: np.ndarray, influences: np.ndarray | None) -> Estimate | None:
    """Of differences [seeds, folds]: how often the mean of a seed is below 0."""
    del influences
    means = differences.mean(axis=1)
    p = binomtest(int((means < 0).sum()), len(means)).pvalue
    low, high = float(means.min()), float(means.max())
    return Estimate(float(means.mean()), 0.0, low, high, float(p), len(means) - 1, 0.95)
''',
    ),
    Addition(
        "SNIPPETS",
        "words",
        "sweep/export/snippets/as_words.py",
        ("words",),
        "words",
        '''
"""A config in words."""

from normsweep.spec.config import Config


def words(config: Config) -> str:
    """The penalty of a config in a sentence."""
    return f"The penalty is {config.spec.penalty.form}.\\n"
''',
    ),
    Addition(
        "TABLES",
        "jsonl",
        "sweep/export/tables/as_json_lines.py",
        ("json_lines",),
        "Format(json_lines, text=True)",
        '''
"""A table as lines of JSON."""

import json

from normsweep.export.tables.rows import Table


def json_lines(table: Table) -> bytes:
    """An object for each row."""
    rows = (dict(zip(table.columns, row, strict=True)) for row in table.rows)
    return "".join(json.dumps(row) + "\\n" for row in rows).encode()
''',
    ),
    Addition(
        "TRACKERS",
        "diary",
        "sweep/export/trackers/to_diary.py",
        ("Diary",),
        "Diary",
        '''
"""A study as lines of a file."""

from pathlib import Path
from typing import ClassVar

from normsweep.export.trackers.entry import Entry


class Diary:
    """Adds a line for each run that has ended, and for what the study says."""

    accepted: ClassVar[str] = "diary:FILE"
    takes_unended = False
    faults: tuple[type[Exception], ...] = (OSError,)

    def __init__(self, where: str) -> None:
        self.shown = f"diary:{where}"
        self._file = Path(where).open("a", encoding="utf-8")

    def write(self, entry: Entry) -> None:
        """Adds its name and how it ended."""
        self._file.write(f"{entry.of}: {entry.name} {entry.tags.get('state', 'told')}\\n")

    def close(self) -> None:
        """Closes the file."""
        self._file.close()
''',
    ),
    Addition(
        "FIGURES",
        "scores",
        "sweep/report/figures/scores.py",
        ("scores",),
        'Entry("Scores in their order", scores)',
        '''
"""The scores of all trials."""

import plotly.graph_objects as go

from normsweep.report.figures.drawn import Drawn, Numbers, digits
from normsweep.report.figures.picture import Picture


def scores(picture: Picture) -> Drawn | None:
    """A dot for each trial that was ranked."""
    found = sorted(entry.score for entry in picture.answer.ranking)
    return Drawn(
        go.Figure(go.Scatter(y=found)),
        f"{len(found)} scores",
        Numbers(("score",), tuple((digits(score),) for score in found)),
        "as they were ranked",
        "A dot is a trial.",
    )
''',
    ),
    Addition(
        "SECTIONS",
        "counts",
        "sweep/report/counts.py",
        ("counts",),
        "counts",
        '''
"""How many trials there were."""

from normsweep.report.page import Block, Text
from normsweep.report.source import Source


def counts(source: Source) -> Block | None:
    """The number of trials in each state."""
    return Block("counts", "Counts", (Text(repr(source.answer.counts)),))
''',
    ),
)
"""For each row of the page, but for the penalty, which the page shows in full."""
