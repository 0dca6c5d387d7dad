"""What must fit together within a section of a spec."""

from typing import Any

from pydantic import model_validator

from normsweep.spec import fields
from normsweep.spec.family import NETWORKS
from normsweep.spec.fields import default, most
from normsweep.spec.ranges import Choices, Interval, each, highest, lowest, quoted
from normsweep.spec.tables import LEARNING_RATE_SCHEDULES


class ModelSection(fields.ModelSection):
    @model_validator(mode="before")
    @classmethod
    def _named_before(cls, tables: Any) -> Any:
        """`network` was called `kind` before 0.5."""
        if isinstance(tables, dict) and "kind" in tables and "network" not in tables:
            return {"network" if name == "kind" else name: tables[name] for name in tables}
        return tables

    def check(self) -> None:
        """No more layers, and no more units in them, than there are."""
        for network in NETWORKS:
            hidden, layers = f"{network}_hidden", getattr(self, f"{network}_layers")
            fewest = None if layers is None else most(self, f"{network}_layers")
            if fewest is not None and highest(layers) > fewest:
                raise ValueError(
                    f"{network}_layers: got {highest(layers):g}, but {hidden} has {fewest} widths; "
                    f"accepted: at most {fewest}"
                )
            units = getattr(self, f"{network}_units")
            # One number may well be above the widths of one of several networks searched.
            searched = isinstance(units, Interval | Choices)
            widest = most(self, f"{network}_units") if searched else None
            if widest is not None and highest(units) > widest:
                layer = (
                    hidden
                    if each(self.network) == ("mlp",)
                    else f"network = {quoted(self.network)}"
                )
                raise ValueError(
                    f"{network}_units: got {highest(units):g}, but the widest layer of {layer} "
                    f"has {widest}; accepted: at most {widest}"
                )


class TrainSection(fields.TrainSection):
    def check(self) -> None:
        """A whole number of steps in each chunk, and an end that the learning rate can come to."""
        if self.steps % self.chunks:
            raise ValueError(
                f"steps must be a multiple of chunks, got steps = {self.steps}, "
                f"chunks = {self.chunks}"
            )
        for name in each(self.learning_rate_schedule):
            # The default takes any end, and looking at the table would import JAX.
            if name != default("train.learning_rate_schedule"):
                _check_end(name, lowest(self.learning_rate_end))


def _check_end(schedule: str, end: float) -> None:
    try:
        LEARNING_RATE_SCHEDULES[schedule](1, end)
    except ValueError as error:
        where = f'learning_rate_end with learning_rate_schedule = "{schedule}"'
        raise ValueError(f"{where}: {error}") from error


class GradientPenaltySection(fields.GradientPenaltySection):
    def check(self) -> None:
        """A strength, if there is any, and steps without it, if these are to be made up for."""
        _check_strength(self.strength, "kind", self.kind)
        if self.rescale_adam and highest(self.every) == 1:
            raise ValueError("rescale_adam = true has no effect with every = 1; it counts above 1")


class AugmentSection(fields.AugmentSection):
    def check(self) -> None:
        """A strength, if there is any."""
        _check_strength(self.strength, "policy", self.policy)


def _check_strength(strength: Any, field: str, kind: Any) -> None:
    if strength is None and set(each(kind)) != {"none"}:
        raise ValueError(f"{field} = {quoted(kind)} needs strength")


class StopSection(fields.StopSection):
    def check(self) -> None:
        """No noise without a patience, which alone uses it."""
        if self.patience is None and self.noise != default("stop.noise"):
            raise ValueError("noise has no effect without patience")


class ScoreSection(fields.ScoreSection):
    def check(self) -> None:
        """Two metrics, if two."""
        if self.second == self.metric:
            raise ValueError(f'second = "{self.second}" is the metric already')

    @property
    def objectives(self) -> tuple[str, ...]:
        """The metrics that the study optimises: one or two."""
        return (self.metric,) if self.second is None else (self.metric, self.second)
