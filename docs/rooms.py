"""The rooms of the code, from its own imports: which there are, what stands above what, a picture.

    python -m docs.rooms        # writes docs/rooms.png

A room is a folder of `sweep/`, and each of `models/` and `objectives/` as a whole. Rooms of one
floor know nothing of each other; an import goes down. `tests/test_floors.py` holds the code to it.
"""

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from matplotlib.figure import Figure
from matplotlib.patches import FancyArrowPatch, FancyBboxPatch

ROOT = Path(__file__).parents[1]
PACKAGE = "normsweep"

FLOORS: tuple[tuple[str, ...], ...] = (
    ("objectives",),
    ("models",),
    ("errors",),
    ("data", "search", "storage"),
    ("spec",),
    ("engine", "study"),
    ("score", "verdict"),
    ("worker", "export", "report"),
    ("cli",),
)
"""The rooms from the ground up."""

SAYS = {
    "objectives": "losses, penalties, constraints, distances, feature maps",
    "models": "layers, networks, families; one training step, pure",
    "errors": "a mistake of the user's",
    "data": "sources of images, folds",
    "search": "samplers, pruners, stopping rule",
    "storage": "database, workers, retry, files",
    "spec": "fields, ranges, search space, plug-ins",
    "engine": "the population on its devices",
    "study": "records, plan, queue, progress",
    "score": "what trials share, measurements",
    "verdict": "answers, effect, tests, wording",
    "worker": "the loop, pool, confirming, launch",
    "export": "configs, code, tables, trained",
    "report": "page, figures, dashboard",
    "cli": "commands, JSON, terminal",
}


@dataclass(frozen=True)
class Import:
    """That one of our files imports another, by their paths from the root."""

    importer: Path
    imported: Path


def floor_of(room: str) -> int:
    """The floor of a room, counted from the ground; raises `StopIteration` for one without."""
    return next(floor for floor, rooms in enumerate(FLOORS) if room in rooms)


def room_of(path: Path) -> str | None:
    """The room of a file; None for the faces of the package, `__init__` and `__main__`."""
    top, *rest = path.parts
    if top != "sweep":
        return top
    if len(rest) > 1:
        return rest[0]
    return None if path.stem in ("__init__", "__main__") else path.stem


def files() -> dict[str, Path]:
    """Our files by the name of their module."""
    found = {}
    for top, name in (("sweep", ""), ("models", ".models"), ("objectives", ".objectives")):
        for path in sorted((ROOT / top).rglob("*.py")):
            parts = path.relative_to(ROOT / top).with_suffix("").parts
            module = ".".join((PACKAGE + name, *(part for part in parts if part != "__init__")))
            found[module] = path.relative_to(ROOT)
    return found


def imports() -> list[Import]:
    """Every import of one of our files by another, in functions too; those for types alone not."""
    known = files()
    return [
        Import(path, known[name])
        for path in known.values()
        for name in imported(path, known)
        if known[name] != path
    ]


def imported(path: Path, known: dict[str, Path]) -> Iterator[str]:
    tree = ast.parse((ROOT / path).read_text(encoding="utf-8"))
    for_types = {
        id(node)
        for branch in ast.walk(tree)
        if isinstance(branch, ast.If) and ast.unparse(branch.test).endswith("TYPE_CHECKING")
        for statement in branch.body
        for node in ast.walk(statement)
    }
    for node in ast.walk(tree):
        if id(node) in for_types:
            continue
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names if alias.name in known)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            for alias in node.names:
                name = f"{node.module}.{alias.name}"
                if name in known:
                    yield name
                elif node.module in known:
                    yield node.module


def room_imports() -> set[tuple[str, str]]:
    """The pairs of rooms of which the first imports the second."""
    pairs = {(room_of(found.importer), room_of(found.imported)) for found in imports()}
    return {(a, b) for a, b in pairs if a is not None and b is not None and a != b}


def reached(edges: dict[str, set[str]], start: str) -> set[str]:
    """All that a name leads to."""
    seen: set[str] = set()
    waiting = [start]
    while waiting:
        for following in edges.get(waiting.pop(), set()) - seen:
            seen.add(following)
            waiting.append(following)
    return seen


def circles(edges: dict[str, set[str]]) -> list[list[str]]:
    """Groups of names that reach each other; none where all goes one way."""
    reach = {name: reached(edges, name) for name in edges}
    groups = {
        tuple(sorted({name, *(other for other in reach[name] if name in reach.get(other, set()))}))
        for name in edges
        if name in reach[name]
    }
    return [list(group) for group in sorted(groups)]


def drawn_arrows() -> list[tuple[str, str]]:
    """The imports between rooms without those that others imply, and without those of errors."""
    edges: dict[str, set[str]] = {}
    for upper, lower in room_imports():
        if lower != "errors":
            edges.setdefault(upper, set()).add(lower)
    reach = {room: reached(edges, room) for room in edges}
    return [
        (upper, lower)
        for upper, lowers in sorted(edges.items())
        for lower in sorted(lowers)
        if not any(lower in reach.get(other, set()) for other in lowers - {lower})
    ]


def draw(path: Path) -> None:
    """Writes the picture: floors from top to bottom, and what rooms import."""
    lines: dict[str, int] = {}
    for file in files().values():
        if (room := room_of(file)) is not None:
            lines[room] = lines.get(room, 0) + len((ROOT / file).read_text("utf-8").splitlines())
    figure = Figure(figsize=(11, 9.6))
    axes = figure.add_axes((0, 0, 1, 1))
    axes.set_xlim(0, 12)
    axes.set_ylim(-0.35, len(FLOORS) - 0.35)
    axes.axis("off")
    places: dict[str, tuple[float, float]] = {}
    for floor, rooms in enumerate(FLOORS):
        for index, room in enumerate(rooms):
            places[room] = (12 * (index + 1) / (len(rooms) + 1), float(floor))
    # Everybody may raise one: it stands aside.
    places["errors"] = (10.4, places["errors"][1])
    for upper, lower in drawn_arrows():
        (x, y), (u, v) = places[upper], places[lower]
        # Those that pass a floor bend, so as not to run through its rooms.
        bend = 0.0 if y - v == 1 else 0.22 if x <= 6 else -0.22
        axes.add_patch(
            FancyArrowPatch(
                (x, y - 0.27),
                (u, v + 0.27),
                connectionstyle=f"arc3,rad={bend}",
                arrowstyle="-|>",
                mutation_scale=8,
                linewidth=1.0,
                color="#5b6f8a",
                alpha=0.8,
            )
        )
    colours = {"objectives": "#e7f0e4", "models": "#e4ecf5"}
    for room, (x, y) in places.items():
        axes.add_patch(
            FancyBboxPatch(
                (x - 1.45, y - 0.27),
                2.9,
                0.54,
                boxstyle="round,pad=0.02",
                facecolor=colours.get(room, "#faf6ec"),
                edgecolor="#555555",
                linewidth=0.8,
            )
        )
        name = f"{room}/" if room != "errors" else "errors.py"
        axes.text(x, y + 0.09, name, ha="center", va="center", weight="bold", size=10)
        axes.text(x, y - 0.11, SAYS[room], ha="center", va="center", size=6.4, color="#333333")
        axes.text(
            x + 1.4, y + 0.17, f"{lines[room]}", ha="right", va="center", size=5.5, color="#888888"
        )
    figure.savefig(path, dpi=130)


if __name__ == "__main__":
    draw(ROOT / "docs" / "rooms.png")
