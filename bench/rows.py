"""How a measurement hands its rows to `python -m bench`."""

import json


def row(what: str, figure: str, target: str) -> dict[str, str]:
    """One line of the table."""
    return {"what": what, "figure": figure, "target": target}


def print_rows(rows: list[dict[str, str]]) -> None:
    """Prints rows for people, and as JSON in the last line for the table."""
    for each in rows:
        print(f"{each['what']}: {each['figure']}  (target {each['target']})")
    print(json.dumps(rows), flush=True)
