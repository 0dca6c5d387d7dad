"""The spec: what a study is. A spec without a range is a config."""

import re
from collections.abc import Mapping
from typing import Annotated, Any, Self

from pydantic import BeforeValidator, Field, ValidationError, ValidationInfo, model_validator

from normsweep.spec.combinations import check_together
from normsweep.spec.earlier import completed
from normsweep.spec.facts import Section
from normsweep.spec.fields import (
    METHOD_SECTIONS,
    SECTIONS,
    CoefficientsSection,
    ConfirmSection,
    DataSection,
    PenaltySection,
    ServiceSection,
    StudySection,
    default,
    family_fields,
    fields,
)
from normsweep.spec.idle import check_idle
from normsweep.spec.messages import messages
from normsweep.spec.ranges import STORED, Choices, Interval, Range
from normsweep.spec.sections import (
    AugmentSection,
    GradientPenaltySection,
    ModelSection,
    ScoreSection,
    StopSection,
    TrainSection,
)
from normsweep.spec.tables import DRAWN, SAMPLERS, SUGGESTED

_COMMON = {section: fields(section, lambda facts: facts.common) for section in SECTIONS}
"""Fields of the training that all methods share: their scores are taken at the same steps."""


def _check_methods(value: Any) -> Any:
    """The outer shape of the methods; what their fields may be is the sections' to say."""
    if not isinstance(value, dict):
        raise ValueError(f"methods: must be tables [methods.NAME.SECTION], got {value!r}")
    for name, tables in value.items():
        if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_-]*", str(name)) or name == "baseline":
            raise ValueError(
                f"methods: method \"{name}\": accepted are names of letters, digits, '_' and '-', "
                'other than "baseline"'
            )
        if not isinstance(tables, dict) or not tables:
            raise ValueError(f"methods.{name}: must be tables of settings, got {tables!r}")
        for section, table in tables.items():
            place = f"methods.{name}.{section}"
            if section not in METHOD_SECTIONS:
                accepted = ", ".join(METHOD_SECTIONS)
                raise ValueError(f"{place}: unknown section; accepted: {accepted}")
            if not isinstance(table, dict):
                raise ValueError(f"{place}: must be a table of settings, got {table!r}")
            if shared := [field for field in _COMMON[section] if field in table]:
                raise ValueError(f"{place}.{shared[0]}: is the same for all methods")
    return value


_ALTERNATIVE = "alternative"
"""What a spec is validated as when it is one of several, which share what one may leave idle."""

Methods = Annotated[dict[str, dict[str, dict[str, Any]]], BeforeValidator(_check_methods)]


class Spec(Section):
    """A study, section by section; the fields and their meaning are in docs/spec.md.

    `methods` are alternatives among which the study searches: each sets fields of its own over
    those of the spec.
    """

    study: StudySection = Field(default_factory=StudySection)
    data: DataSection = Field(default_factory=DataSection)
    model: ModelSection = Field(default_factory=ModelSection)
    train: TrainSection = Field(default_factory=TrainSection)
    coefficients: CoefficientsSection = Field(default_factory=CoefficientsSection)
    penalty: PenaltySection = PenaltySection.model_validate({"form": "none"}, context=STORED)
    gradient_penalty: GradientPenaltySection = Field(default_factory=GradientPenaltySection)
    augment: AugmentSection = Field(default_factory=AugmentSection)
    score: ScoreSection = Field(default_factory=ScoreSection)
    confirm: ConfirmSection = Field(default_factory=ConfirmSection)
    service: ServiceSection = Field(default_factory=ServiceSection)
    stop: StopSection = Field(default_factory=StopSection)
    methods: Methods = Field(default_factory=dict)

    @classmethod
    def stored(cls, tables: dict[str, Any]) -> Self:
        """The spec of tables that were checked before they were stored, read without JAX.

        Where an earlier version stored them, it says what that did.

        Sections, fields, kinds of values and bounds are looked at: a spec of another version is
        told as any other mistake. Names and what fits together are not: see `checked`.
        """
        return cls.model_validate(completed(tables), context=STORED)

    def checked(self) -> Self:
        """The same spec, checked as a whole: for one that is `stored`, before it is trained."""
        return self.model_validate(self.plain())

    def value(self, path: str) -> Any:
        """The value or range at a dotted path, such as `penalty.strength`."""
        section, field = path.split(".")
        return getattr(getattr(self, section), field)

    @model_validator(mode="after")
    def _fits(self, info: ValidationInfo) -> Self:
        context = STORED if info.context == STORED else _ALTERNATIVE
        alternatives = {name: self._alternative(name, context) for name in self.methods}
        if info.context != STORED:
            check_together(self)
            if info.context != _ALTERNATIVE:
                check_idle(self, alternatives)
            self.check()
        return self

    def check(self) -> None:
        """Raises `ValueError` for what a pruner, a stopping rule or a sampler does not heed."""
        if self.study.begin == SUGGESTED and self.study.sampler == "grid":
            raise ValueError(
                f'study.begin = "{SUGGESTED}" needs trials that are no points of a grid, and '
                f'study.sampler is "grid"; accepted: "{DRAWN}", or another sampler'
            )
        if self.score.require is not None and self.study.sampler == "cmaes":
            raise ValueError(
                'study.sampler = "cmaes" learns nothing of score.require; accepted: '
                f"{', '.join(name for name in SAMPLERS if name != 'cmaes')}"
            )
        if self.score.second is not None:
            if self.study.pruner != "none":
                raise ValueError(
                    f'study.pruner = "{self.study.pruner}" needs one objective, and score.second '
                    'is a second one; accepted: "none"'
                )
            if self.stop.patience is not None:
                raise ValueError(
                    f"stop.patience = {self.stop.patience} needs one objective, and score.second "
                    "is a second one"
                )
            if self.study.sampler == "cmaes":
                raise ValueError(
                    'study.sampler = "cmaes" needs one objective, and score.second is a second '
                    f"one; accepted: {', '.join(name for name in SAMPLERS if name != 'cmaes')}"
                )

    def plain(self) -> dict[str, Any]:
        """Nested tables of what was set or defaulted, without the fields that are not set.

        Nor those of other families at their defaults, where all methods have one family.
        """
        tables = self.model_dump(exclude_none=True)
        for name in ("methods", "coefficients"):
            if not tables[name]:
                del tables[name]
        if not any("family" in method.get("model", {}) for method in self.methods.values()):
            for path in family_fields(but=self.model.family):
                if self.value(path) == default(path):
                    section, field = path.split(".")
                    tables[section].pop(field, None)
        return tables

    def ranges(self) -> dict[str, Range]:
        """Every range in the spec by its dotted path, such as `penalty.strength`.

        Those of a method are under its name: `methods.lasso.penalty.strength`.
        """
        found = {
            f"{section}.{field}": value
            for section, table in self
            if section != "methods"
            for field, value in table
            if isinstance(value, Interval | Choices)
        }
        for name in self.methods:
            alternative = self.alternative(name)
            for section, table in self.methods[name].items():
                found |= {
                    f"methods.{name}.{section}.{field}": value
                    for field in table
                    if isinstance(
                        value := alternative.value(f"{section}.{field}"), Interval | Choices
                    )
                }
        return found

    @property
    def searches(self) -> bool:
        """Whether anything is searched; otherwise the spec has one config beside its baseline."""
        return bool(self.ranges() or self.methods)

    def alternative(self, method: str | None) -> "Spec":
        """The spec with the fields of a method set over its own, and no methods; None: its own."""
        # It was checked with the spec.
        return self._alternative(method, STORED)

    def _alternative(self, method: str | None, context: str) -> "Spec":
        tables = {key: value for key, value in self.plain().items() if key != "methods"}
        for section, table in self.methods[method].items() if method is not None else ():
            tables[section] = tables.get(section, {}) | table
        try:
            return Spec.model_validate(tables, context=context)
        except ValidationError as error:
            told = "\n".join(f"methods.{method}.{text}" for text in messages(error, Spec))
            raise ValueError(told) from error

    def with_values(self, values: Mapping[str, Any]) -> "Spec":
        """This spec with the fields at these dotted paths set (to None: unset), checked again."""
        tables = self.plain()
        for path, value in values.items():
            *sections, field = path.split(".")
            table = tables
            for section in sections:
                # What is no table is replaced, and told as unknown where it should not be one.
                if not isinstance(table.get(section), dict):
                    table[section] = {}
                table = table[section]
            table.pop(field, None)
            if value is not None:
                table[field] = value
        return Spec.model_validate(tables)


def path_in(path: str, method: str | None) -> str:
    """Where a spec has a field of its own (None), or of one of its methods."""
    return path if method is None else f"methods.{method}.{path}"
