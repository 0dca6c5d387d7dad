"""The page on networks of the user's own: its code is that of the examples, short, and runs."""

import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from normsweep.export.again import score_config
from normsweep.spec import spec_from_tables
from normsweep.spec.config import Config

ROOT = Path(__file__).parents[2]
BLOCKS = re.findall(r"```python\n(.*?)```", (ROOT / "docs/your-model.md").read_text("utf-8"), re.S)
FEW: dict[str, Any] = {
    "data": {"source": "digits", "limit": 120},
    "train": {"steps": 2, "chunks": 1, "batch": 4},
    "score": {"folds": 2, "features": "pca", "dimension": 4},
}


@pytest.mark.parametrize(("block", "name"), [(0, "own_linen.py"), (1, "own_nnx.py")])
def test_the_networks_of_the_page_are_those_of_the_example_which_runs(
    block: int, name: str
) -> None:
    code = (ROOT / "examples" / name).read_text("utf-8")
    assert code == BLOCKS[block]
    assert sum(bool(line.strip()) for line in code.splitlines()) < 40


def test_the_losses_of_the_page_train_and_their_coefficient_counts(tmp_path: Path) -> None:
    (tmp_path / "mine.py").write_text(BLOCKS[2], encoding="utf-8")
    scores = []
    for spread in (0.5, 1.0):
        model = {"network": f"{tmp_path}/mine.py:bring"}
        tables = {**FEW, "model": model, "coefficients": {"spread": spread}}
        scores.append(score_config(Config(spec_from_tables(tables, "f"), {})).fold_scores)
    assert np.isfinite(scores).all()
    assert scores[0] != scores[1]
