"""Logarithmic axes say which decade each label is of."""

import pytest

from normsweep.report.figures.scale import log_axis, scale_of


def labels(low: float, high: float, **options: float) -> dict[float, str]:
    axis = log_axis(low, high, **options)
    ticks = zip(axis["tickvals"], axis["ticktext"], strict=True)
    return {value: text for value, text in ticks if low <= value <= high and text}


def test_twos_and_fives_are_written_in_full() -> None:
    assert labels(0.4, 30) == {0.5: "0.5", 1: "1", 2: "2", 5: "5", 10: "10", 20: "20"}


def test_over_many_decades_the_decades_alone_are_labelled() -> None:
    shown = labels(1e-6, 0.2)
    assert list(shown) == pytest.approx([1e-6, 1e-5, 1e-4, 1e-3, 1e-2, 1e-1])
    assert shown[1e-6] == "10<sup>−6</sup>" and shown[1e-1] == "10<sup>−1</sup>"


def test_the_ticks_cover_what_is_shown() -> None:
    ticks = log_axis(3, 700)["tickvals"]
    assert min(ticks) <= 1 and max(ticks) >= 1000 and ticks == sorted(ticks)


def test_scores_of_one_decade_are_shown_as_they_are() -> None:
    assert scale_of([1.0, 2.0]).axis_layout == {"type": "linear"}
    assert scale_of([1.0, 20.0]).axis_layout["type"] == "log"
