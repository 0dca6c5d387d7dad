"""The spec of a study: its fields, its ranges, and how it is read."""

from normsweep.spec.load import built_in_names, load_spec, spec_from_tables
from normsweep.spec.ranges import Choices, Interval, Range
from normsweep.spec.spec import Spec

__all__ = [
    "Choices",
    "Interval",
    "Range",
    "Spec",
    "built_in_names",
    "load_spec",
    "spec_from_tables",
]
