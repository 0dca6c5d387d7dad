"""Version 0.5: losses by player among the others, since which players there are is the model's."""

import json
from collections.abc import Iterator
from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"

_LOSSES = ("generator_loss", "discriminator_loss")
_AT_ONCE = 10_000


def upgrade() -> None:
    # In Python and not in SQL: SQLite's own JSON keeps 15 digits of a number.
    for row in _rows(*_LOSSES):
        losses = {name: row[name] for name in _LOSSES}
        _write(row, losses | (row["others"] or {}))
    for name in _LOSSES:
        op.drop_column("sweep_measurements", name)


def downgrade() -> None:
    for name in _LOSSES:
        # Not null, as it was, and so with a default for a moment.
        op.add_column(
            "sweep_measurements", sa.Column(name, sa.Float(53), nullable=False, server_default="0")
        )
    for row in _rows():
        others = row["others"] or {}
        losses = {name: others.pop(name, 0.0) for name in _LOSSES}
        _write(row, others, **losses)


_KEYS = ("trial_id", "fold", "step")


def _rows(*more: str) -> Iterator[dict[str, Any]]:
    """All rows, read some at a time; what has been read may be changed meanwhile."""
    columns = ", ".join((*_KEYS, "others", *more))
    last = (-1, -1, -1)
    while True:
        found = op.get_bind().execute(
            sa.text(
                f"SELECT {columns} FROM sweep_measurements "
                "WHERE (trial_id, fold, step) > (:trial_id, :fold, :step) "
                "ORDER BY trial_id, fold, step LIMIT :at_once"
            ),
            dict(zip(_KEYS, last, strict=True)) | {"at_once": _AT_ONCE},
        )
        rows = [dict(row) for row in found.mappings()]
        for row in rows:
            # SQLite gives JSON as text, PostgreSQL as what it says.
            others = row["others"]
            yield row | {"others": json.loads(others) if isinstance(others, str) else others}
        if len(rows) < _AT_ONCE:
            return
        last = tuple(rows[-1][key] for key in _KEYS)


def _write(row: dict[str, Any], others: dict[str, float], **columns: float) -> None:
    set_ = ", ".join(f"{name} = :{name}" for name in columns)
    op.get_bind().execute(
        sa.text(
            f"UPDATE sweep_measurements SET others = :others{set_ and ', '}{set_} "
            "WHERE trial_id = :trial_id AND fold = :fold AND step = :step"
        ),
        {key: row[key] for key in _KEYS} | {"others": json.dumps(others)} | columns,
    )
