"""Rules of thumb: strengths that papers and their programs recommend before anything is trained."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from normsweep.spec.auto import AUTO, owner
from normsweep.spec.ranges import Choices, Interval, each
from normsweep.spec.space import METHOD, middle, resolve
from normsweep.spec.spec import Spec


@dataclass(frozen=True)
class Rule:
    """A number for a `field`, with one value of another: value, or value · pixels / batch."""

    control: str
    name: str
    field: str
    value: float
    source: str
    by_size: bool = False

    def at(self, pixels: int, batch: int) -> float:
        """The number for images of so many pixels, and so many images of a step."""
        return self.value * pixels / batch if self.by_size else self.value

    def told(self) -> str:
        """The rule in words."""
        size = " · pixels / batch" if self.by_size else ""
        return f"{self.name}: {self.field.split('.')[1]} = {self.value:g}{size}"


_KIND, _SLOPE = "gradient_penalty.kind", "gradient_penalty.strength"
_FORM = "penalty.form"

RULES: tuple[Rule, ...] = (
    Rule(
        _KIND,
        "r1",
        _SLOPE,
        0.0002,
        "Karras et al. 2020, arXiv:2006.06676, in its program's train.py",
        by_size=True,
    ),
    Rule(_KIND, "r1", _SLOPE, 10.0, "Mescheder et al. 2018, arXiv:1801.04406"),
    Rule(_KIND, "wgan_gp", _SLOPE, 10.0, "Gulrajani et al. 2017, arXiv:1704.00028, algorithm 1"),
    Rule(_KIND, "dragan", _SLOPE, 10.0, "Kodali et al. 2017, arXiv:1705.07215, algorithm 1"),
    Rule(
        _FORM, "orthogonal", "penalty.strength", 1e-4, "Brock et al. 2018, arXiv:1809.11096, eq. 3"
    ),
    Rule(
        _FORM, "clip", "penalty.radius", 0.01, "Arjovsky et al. 2017, arXiv:1701.07875, algorithm 1"
    ),
    Rule(_FORM, "spectral_ball", "penalty.radius", 1.0, "Miyato et al. 2018, arXiv:1802.05957"),
)


@dataclass(frozen=True)
class Thumb:
    """What a rule says of a spec: a value at a path, and the parameters of a trial that has it.

    Without parameters where the spec searches nothing there: it is fixed at what it `has`.
    """

    path: str
    value: float
    rule: Rule
    parameters: Mapping[str, Any]
    has: float | None


def thumbs(spec: Spec, pixels: int) -> Iterator[Thumb]:
    """What the rules say of a spec, method by method, for images of so many pixels."""
    for method in spec.methods or [None]:
        alternative = spec.alternative(method)
        config, _ = resolve(alternative, lambda name, asked: middle(asked))
        for rule in RULES:
            kinds, has = alternative.value(rule.control), alternative.value(rule.field)
            if rule.name not in each(kinds) or has is None:
                continue
            path, value = owner(spec, method, rule.field), rule.at(pixels, config.train.batch)
            if not (isinstance(has, Interval | Choices) or has == AUTO):
                yield Thumb(path, value, rule, {}, has)
                continue
            asked: dict[str, Any] = {path.removeprefix("methods."): value}
            if isinstance(kinds, Choices):
                asked = {
                    owner(spec, method, rule.control).removeprefix("methods."): rule.name
                } | asked
            asked = ({} if method is None else {METHOD: method}) | asked
            yield Thumb(path, value, rule, asked, None)
