"""Many faults in one message."""

from collections.abc import Sequence

from normsweep.errors import UserError

MOST = 100
"""So many are named, and the others counted."""


def error_of(origin: str, faults: Sequence[str], accepted: str) -> UserError:
    """The error that names what is wrong: in one line where it is one thing, else a line each."""
    if len(faults) == 1:
        return UserError(f"{origin}: {faults[0]}; {accepted}")
    lines = [f"{origin}: {len(faults)} faults; {accepted}", *faults[:MOST]]
    if len(faults) > MOST:
        lines.append(f"and {len(faults) - MOST} more")
    return UserError("\n  ".join(lines))
