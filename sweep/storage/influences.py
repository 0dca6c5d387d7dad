"""Our table of influences: by how much each held-out image moves a confirmed score.

A row per (trial, step), of the trials of a confirmation: images are numbered among those of all
folds, in their order, which is the same by every seed, whatever the folds are.
"""

from collections.abc import Collection, Mapping

import numpy as np
from sqlalchemy import (
    Column,
    Connection,
    Engine,
    ForeignKey,
    Integer,
    LargeBinary,
    Table,
    delete,
    insert,
    inspect,
    select,
)

from normsweep.storage.schema import metadata

influences = Table(
    "sweep_influences",
    metadata,
    Column("trial_id", ForeignKey("trials.trial_id", ondelete="CASCADE"), primary_key=True),
    Column("step", Integer, primary_key=True),
    # Which of the images have judged, a bit each, the first in the highest; and their influences
    # alone, as float32 in little-endian order: of many images few may judge.
    Column("judged", LargeBinary, nullable=False),
    Column("influence", LargeBinary, nullable=False),
)

_FLOAT = np.dtype("<f4")


def add_influences(
    connection: Connection, trial_id: int, by_step: Mapping[int, np.ndarray]
) -> None:
    """Stores the influences [images] of a trial by step, NaN of an image that has not judged.

    What is there of these steps is written over.
    """
    those = (influences.c.trial_id == trial_id) & influences.c.step.in_(by_step)
    connection.execute(delete(influences).where(those))
    rows = [
        {"trial_id": trial_id, "step": step} | _packed(np.asarray(values))
        for step, values in by_step.items()
    ]
    if rows:
        connection.execute(insert(influences), rows)


def clear_influences(engine: Engine, trial_id: int) -> None:
    """Removes what is stored for a trial that begins anew; see `clear_measurements`."""
    with engine.begin() as connection:
        connection.execute(delete(influences).where(influences.c.trial_id == trial_id))


def read_influences(
    engine: Engine, trial_ids: Collection[int], steps: Collection[int]
) -> dict[tuple[int, int], np.ndarray]:
    """The influences [images] of some trials after some steps, by trial and step.

    They are float32, NaN where an image has not judged, and of 7 more at most at the end, which
    there are not. A trial without any is none of them, nor any of a database of earlier versions,
    nor what another program has damaged.
    """
    if not has_influences(engine):
        return {}
    query = select(influences).where(
        influences.c.trial_id.in_(trial_ids), influences.c.step.in_(steps)
    )
    with engine.connect() as connection:
        rows = connection.execute(query).all()
    found = {(row.trial_id, row.step): _unpacked(row.judged, row.influence) for row in rows}
    return {key: values for key, values in found.items() if values is not None}


def has_influences(engine: Engine) -> bool:
    """Whether the database has the table."""
    return inspect(engine).has_table(influences.name)


def _packed(values: np.ndarray) -> dict[str, bytes]:
    judged = ~np.isnan(values)
    return {
        "judged": np.packbits(judged).tobytes(),
        "influence": values[judged].astype(_FLOAT).tobytes(),
    }


def _unpacked(judged: object, influence: object) -> np.ndarray | None:
    # SQLite keeps whatever is written into a column.
    if not isinstance(judged, bytes) or not isinstance(influence, bytes):
        return None
    there = np.unpackbits(np.frombuffer(judged, np.uint8)).astype(bool)
    if len(influence) != _FLOAT.itemsize * there.sum():
        return None
    values = np.full(len(there), np.nan, np.float32)
    values[there] = np.frombuffer(influence, _FLOAT)
    return values
