"""The grid of a spec: its points are counted, and each is made when it is asked for."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import groupby
from typing import Any, overload

from optuna.distributions import (
    BaseDistribution,
    CategoricalDistribution,
    FloatDistribution,
    IntDistribution,
)

from normsweep.errors import UserError
from normsweep.spec.space import METHOD, Trail, at_step, is_control, parts, ways
from normsweep.spec.spec import Spec

Point = dict[str, Any]


@dataclass(frozen=True)
class Steps(Sequence[Any]):
    """The values of a range with a step."""

    low: float
    step: float
    length: int

    def __len__(self) -> int:
        return self.length

    def __getitem__(self, index: Any) -> Any:
        if not 0 <= index < self.length:
            raise IndexError(index)
        return at_step(self.low, index, self.step)


@dataclass(frozen=True)
class _Question:
    """A question, the answers it has, and what is asked after each; after a control, by answer."""

    name: str
    answers: Sequence[Any]
    after: tuple["_Question | None", ...]

    @cached_property
    def size(self) -> int:
        sizes = [1 if child is None else child.size for child in self.after]
        return sum(sizes) if len(sizes) == len(self.answers) else len(self.answers) * sizes[0]

    def point(self, index: int) -> Point:
        """The answers of a way, in the order of `walk`: the last question's change first."""
        for place in range(len(self.answers)):
            child = self.after[min(place, len(self.after) - 1)]
            size = 1 if child is None else child.size
            if len(self.after) < len(self.answers):
                place, index = divmod(index, size)
                break
            if index < size:
                break
            index -= size
        return {self.name: self.answers[place]} | ({} if child is None else child.point(index))


def _tree(trails: list[Trail], depth: int = 0) -> _Question | None:
    """The questions of all ways from one on; None where none is left."""
    if len(trails[0]) == depth:
        return None
    name, answers, _ = trails[0][depth]
    branches = [list(same) for _, same in groupby(trails, lambda trail: trail[depth][2])]
    return _Question(name, answers, tuple(_tree(branch, depth + 1) for branch in branches))


@dataclass(frozen=True, eq=False)
class Grid(Sequence[Point]):
    """Every point of a spec whose ranges are choices or have steps, in a fixed order.

    Raises `UserError` that names the first range without a step when it is made.
    """

    methods: tuple[str | None, ...]
    trees: tuple[tuple[_Question | None, ...], ...]

    @cached_property
    def sizes(self) -> list[int]:
        found = []
        for beside, penalty in self.trees:
            found.append((beside.size if beside else 1) * (penalty.size if penalty else 1))
        return found

    @property
    def size(self) -> int:
        """How many points there are, which `len` says where the machine can count so far."""
        return sum(self.sizes)

    def __len__(self) -> int:
        return self.size

    @overload
    def __getitem__(self, index: int) -> Point: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[Point]: ...
    def __getitem__(self, index: Any) -> Any:
        if isinstance(index, slice):
            return [self[place] for place in range(*index.indices(self.size))]
        if not 0 <= index < self.size:
            raise IndexError(index)
        which = 0
        while index >= self.sizes[which]:
            index -= self.sizes[which]
            which += 1
        method, (beside, penalty) = self.methods[which], self.trees[which]
        first, second = divmod(index, penalty.size if penalty else 1)
        return (
            ({} if method is None else {METHOD: method})
            | (beside.point(first) if beside else {})
            | (penalty.point(second) if penalty else {})
        )

    def __eq__(self, other: object) -> bool:
        return list(self) == other


def grid(spec: Spec) -> Grid:
    """The grid of a spec."""
    methods = tuple(spec.methods) or (None,)
    trees = []
    for method in methods:
        # Of what is no control, one answer is like the other.
        found = [list(ways(questions, _points, is_control)) for questions in parts(spec, method)]
        trees.append(tuple(_tree(trails) for trails in found))
    return Grid(methods, tuple(trees))


def _points(path: str, asked: BaseDistribution) -> Sequence[Any]:
    if isinstance(asked, CategoricalDistribution):
        return list(asked.choices)
    assert isinstance(asked, FloatDistribution | IntDistribution)
    if asked.step is None or asked.log:
        field = path if path.count(".") == 1 else f"methods.{path}"
        raise UserError(
            f"{field}: a grid needs a list of choices, or a range with a step; "
            f"got low = {asked.low:g}, high = {asked.high:g} and no step"
        )
    return Steps(asked.low, asked.step, round((asked.high - asked.low) / asked.step) + 1)
