"""Titles in the picture of the learning curves are laid out by their own measure."""

import io
from itertools import pairwise

import numpy as np
import pytest
from matplotlib.figure import Figure
from PIL import Image

from normsweep.score.pictures import draw_curves
from normsweep.storage import Measurement

OTHERS = {
    "discriminator_norm": 2.0,
    "generator_norm": 3.0,
    "discriminator_zeros": 0.5,
    "of_the_users_own_and_described_by_a_name_of_a_great_many_words_indeed": 1.0,
    "short": 4.0,
}


@pytest.mark.parametrize("title", [None, "a study " * 40])
def test_no_title_is_cut_or_reaches_into_another(monkeypatch, title: str | None) -> None:
    drawn: list[Figure] = []
    monkeypatch.setattr(Figure, "savefig", lambda figure, *_, **__: drawn.append(figure))
    rows = [Measurement(1, 0, step, 1.0, 1.0, {}, OTHERS) for step in (10, 20)]
    draw_curves(rows, io.BytesIO(), title=title)
    (figure,) = drawn
    figure.canvas.draw()
    shown = [axes.title for axes in figure.axes if axes.get_visible()]
    assert "norm of the weights,\ndiscriminator" in [each.get_text() for each in shown]
    assert "short" in [each.get_text() for each in shown]
    boxes = [each.get_window_extent() for each in shown]
    if figure.get_suptitle():
        boxes.append(figure._suptitle.get_window_extent())
        assert figure.get_suptitle().split() == title.split()
    assert all(figure.bbox.x0 <= box.x0 and box.x1 <= figure.bbox.x1 for box in boxes)
    assert all(figure.bbox.y0 <= box.y0 and box.y1 <= figure.bbox.y1 for box in boxes)
    for left, right in pairwise(boxes[: len(shown)]):
        assert left.x1 <= right.x0 or right.x0 < left.x0


def test_the_label_of_a_tick_at_the_end_of_an_axis_is_whole() -> None:
    into = io.BytesIO()
    rows = [Measurement(1, 0, step, 1.0, 1.0, {"one": 1.0}) for step in range(120, 1201, 120)]
    draw_curves(rows, into)
    with Image.open(into) as opened:
        pixels = np.asarray(opened.convert("L"))
    assert (pixels[:, -5:] == 255).all()
