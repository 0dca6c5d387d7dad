"""What is to be known of a field beside its rule and its default, and the base of all sections."""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field, replace
from itertools import groupby
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Self, TypeVar

from pydantic import BaseModel, ConfigDict, ValidationInfo, create_model, model_validator

from normsweep.spec.family import FAMILIES, NETWORKS, PLAYERS, families_with
from normsweep.spec.ranges import STORED, Rule

KEPT = object()
"""Of a field that does not regularise: the baseline holds the middle of its range."""
MOST = object()
"""Of a field that regularises unless it is the most that it can be."""


@dataclass(frozen=True)
class With:
    """A field counts only where another, `control`, has one of these values."""

    control: str
    values: Collection[str]


@dataclass(frozen=True, kw_only=True)
class Facts:
    """The facts of a field.

    Training: a `traced` field is a number that travels through a compiled program, every other one
    is a part of the program; `shapes` says that its value decides which code a step runs.

    Search: `counts` says with what it counts, all of these together; `asked` is the place of a
    field on which others depend among those, 0 for all others; `kind` says that its searched values
    tell kinds of regularisation apart; `off` is the value that switches it off for the baseline;
    `most` is what it can be at most, from the section and the network; `coefficient` says
    what a number of the penalty is: its `strength`, its `order`, or the `radius` of a set.

    Methods and launches: a `common` field is the same for all methods, a `free` one may be another
    in a later launch; `makes` are the fingerprints that follow from it, or `SCORE` where scores are
    other numbers with another value, and its place among the fields that are named as the cause.

    Words: `table` names those in `sweep options` that tell what it accepts; a `label` stands there
    for one that takes no names; `symbol` heads its column.

    A field `network_…` stands for one of each of the `networks`, whose name may be in its label and
    in that of its table; `own` are rules and defaults, where they are not the same for all.
    """

    networks: tuple[str, ...] = NETWORKS
    own: Mapping[str, tuple[Rule, Any]] = field(default_factory=dict)
    traced: bool = False
    shapes: bool = False
    counts: tuple[With, ...] = ()
    asked: int = 0
    kind: bool = False
    off: Any = KEPT
    most: Callable[["Section", str], int | None] | None = None
    coefficient: str = ""
    common: bool = False
    free: bool = False
    makes: Mapping[str, int] = field(default_factory=dict)
    table: str = ""
    label: str = ""
    symbol: str = ""


class Section(BaseModel):
    """A table of a spec.

    `trains` says that a score depends on it, `of_methods` that a method may set its fields, and
    `switch` names the field that with "none" switches all of it off, where there is one.
    """

    # Built when it is first used: few of the classes that a spec is made of ever are by themselves.
    model_config = ConfigDict(
        frozen=True, extra="forbid", protected_namespaces=(), defer_build=True
    )
    trains: ClassVar[bool] = True
    of_methods: ClassVar[bool] = False
    switch: ClassVar[str] = ""

    @model_validator(mode="after")
    def _fits(self, info: ValidationInfo) -> Self:
        if info.context != STORED:
            self.check()
        return self

    def check(self) -> None:
        """Raises `ValueError` for fields that do not fit together; not of a stored spec."""

    if TYPE_CHECKING:

        def __getattr__(self, name: str) -> Any:
            """The fields of the networks are there under the networks' names."""


def families(having: Collection[str]) -> tuple[With, ...]:
    """What a field counts with that some families have; nothing, where all have it."""
    return () if len(having) == len(FAMILIES) else (With("model.family", having),)


SomeSection = TypeVar("SomeSection", bound=Section)
_EACH = "network_"


def for_each_network(section: type[SomeSection]) -> type[SomeSection]:
    """The section with the fields of each network in place of those called `network_…`.

    Neighbours among these become all of the first network, then all of the next.
    """
    fields: dict[str, Any] = {}
    for of_networks, run in groupby(section.model_fields, lambda name: name.startswith(_EACH)):
        names = list(run)
        fields |= (
            {
                name.replace(_EACH, f"{network}_", 1): _definition(section, name, network)
                for network in dict.fromkeys((*NETWORKS, *PLAYERS))
                for name in names
                if network in facts_of(section, name).networks
            }
            if of_networks
            else {name: _definition(section, name) for name in names}
        )
    facts = {name: getattr(section, name) for name in ("trains", "of_methods", "switch")}
    made = create_model(
        section.__name__,
        __base__=Section,
        __doc__=section.__doc__,
        __module__=section.__module__,
        **fields,
    )
    for name, value in facts.items():
        setattr(made, name, value)
    return made  # type: ignore[return-value]


def _definition(section: type[Section], name: str, network: str = "") -> tuple[Any, Any]:
    known = section.model_fields[name]
    annotation: Any = known.annotation
    default = known.default
    for entry in known.metadata:
        if isinstance(entry, Facts) and network:
            label, table = (t.replace("{network}", network) for t in (entry.label, entry.table))
            counts = (*families(families_with(network)), *entry.counts)
            if network in entry.own:
                rule, default = entry.own[network]
                annotation = Annotated[annotation, rule]
            entry = replace(entry, label=label, counts=counts, table=table)
        annotation = Annotated[annotation, entry]
    return annotation, default


def facts_of(section: type[Section], name: str) -> Facts:
    """The facts of a section's field."""
    found = [entry for entry in section.model_fields[name].metadata if isinstance(entry, Facts)]
    return found[0] if found else Facts()
