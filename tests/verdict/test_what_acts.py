"""A config without a norm penalty is called by what else regularises it."""

from typing import Any

import optuna
import pytest

from normsweep.verdict.answers import ranked


@pytest.mark.parametrize(
    ("changes", "called"),
    [
        ({}, "power"),
        ({"gradient_penalty__kind": "r1", "gradient_penalty__strength": 0.1}, "power"),
        ({"penalty": None}, "none"),
        ({"penalty": None, "gradient_penalty__kind": "r1"}, "r1"),
        (
            {
                "penalty": None,
                "gradient_penalty__kind": "dragan",
                "augment__policy": "translation",
            },
            "dragan, translation",
        ),
    ],
)
def test_it_is_called_by_the_penalty_or_else_by_what_is_on(changes, called, make_spec):
    changes = dict(changes)
    plain: dict[str, Any] = make_spec(penalty__strength=0.1, penalty__target="both").plain()
    if "penalty" in changes:
        plain["penalty"] = {"form": "none"}
        del changes["penalty"]
    for path, value in changes.items():
        section, field = path.split("__")
        plain.setdefault(section, {})[field] = value
    result = {"fold_scores": [1.0, 2.0], "standard_error": 0.5, "step": 40}
    attributes = {"role": "search", "config": plain, "result": result}
    entry = ranked(optuna.trial.create_trial(value=1.5, user_attrs=attributes))
    assert entry.kind == entry.acting == called
