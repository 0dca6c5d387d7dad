"""Mutation testing: the share of small changes to `objectives/` and `models/` that a test notices.

    make mutate                                   # all files, for a day or so: stopped, it goes on
    make mutate FILES=objectives/schedules.py     # one of them, for some minutes

Cosmic Ray (https://cosmic-ray.readthedocs.io) changes a file at one place, runs its tests, and puts
it back: in a copy of the tree below `build/mutate`, where each file has a session that is gone on
with. Removing that folder begins anew.
"""

import argparse
import fcntl
import hashlib
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from cosmic_ray.work_db import WorkDB, use_db
from cosmic_ray.work_item import TestOutcome

ROOT = Path(__file__).parents[1]
FOLDER = ROOT / "build" / "mutate"
TREE, SESSIONS, IMPORTED = FOLDER / "tree", FOLDER / "sessions", FOLDER / "imported"
MUTATED = ("objectives", "models")
COPIED = ("sweep", *MUTATED, "tests", "bench", "conftest.py", "pyproject.toml")
GOAL = 0.95
TIMEOUT = 900.0
"""Seconds for the tests of one mutant; one that never ends is noticed."""

# One change of each kind at a place: the others would be noticed by the same tests. What stands
# between types, as in `int | None`, is no code that runs.
_BINARY = ("Add_Sub", "Sub_Add", "Mul_Div", "Div_Mul", "Pow_Mul", "FloorDiv_Div", "Mod_Mul")
_COMPARISONS = ("Lt_LtE", "LtE_Lt", "Gt_GtE", "GtE_Gt", "Eq_NotEq", "NotEq_Eq", "Is_IsNot")
_LEFT_OUT = (
    rf"core/ReplaceBinaryOperator_(?!({'|'.join((*_BINARY, 'BitAnd_BitOr'))})$)",
    rf"core/ReplaceComparisonOperator_(?!({'|'.join((*_COMPARISONS, 'IsNot_Is'))})$)",
)


@dataclass(frozen=True)
class Found:
    """What became of the mutants of one file: how many were noticed, and the diffs of the rest."""

    noticed: int
    survivors: tuple[str, ...]

    @property
    def tried(self) -> int:
        return self.noticed + len(self.survivors)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("files", nargs="*", type=Path, help="of objectives/ and models/; all")
    parser.add_argument(
        "--narrow",
        action="store_true",
        help="by the tests alone that import the file: a first look",
    )
    given = parser.parse_args()
    files = given.files or sorted(
        path.relative_to(ROOT) for folder in MUTATED for path in (ROOT / folder).rglob("*.py")
    )
    for file in files:
        if file.parts[:1] not in [(folder,) for folder in MUTATED] or not (ROOT / file).is_file():
            raise SystemExit(f"{file}: accepted are files below {' and '.join(MUTATED)}")
    SESSIONS.mkdir(parents=True, exist_ok=True)
    found = {}
    with (FOLDER / "lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise SystemExit(
                f"{TREE}: another run is at work there; wait for it or end it"
            ) from None
        _copy()
        for file in files:
            found[file] = _mutated(file, given.narrow)
            _print(str(file), [found[file]])
    _print("in all", list(found.values()))
    for file, each in found.items():
        for diff in each.survivors:
            print(f"\n{file}: no test noticed\n{diff}")


def _print(name: str, found: list[Found]) -> None:
    noticed, tried = sum(each.noticed for each in found), sum(each.tried for each in found)
    share = f"{noticed / tried:.1%} of {tried} noticed" if tried else "nothing to mutate"
    print(f"{name}: {share} (goal: {GOAL:.0%})", flush=True)


def _copy() -> None:
    """Makes the tree anew, with links by which its folders have their import names."""
    shutil.rmtree(TREE, ignore_errors=True)
    shutil.rmtree(IMPORTED, ignore_errors=True)
    (IMPORTED / "normsweep").mkdir(parents=True)
    for name in COPIED:
        source = ROOT / name
        if source.is_dir():
            ignored = shutil.ignore_patterns("__pycache__")
            shutil.copytree(source, TREE / name, ignore=ignored)
        else:
            shutil.copy(source, TREE / name)
    packages = [*(TREE / "sweep").iterdir(), *(TREE / folder for folder in MUTATED)]
    for path in packages:
        (IMPORTED / "normsweep" / path.name).symlink_to(path)


def _mutated(file: Path, narrow: bool) -> Found:
    """Tries all mutants of a file that were not tried before."""
    text = (ROOT / file).read_bytes()
    name = f"{'.'.join(file.with_suffix('').parts)}-{hashlib.sha256(text).hexdigest()[:8]}"
    name += "-narrow" if narrow else ""
    session, config = SESSIONS / f"{name}.sqlite", SESSIONS / f"{name}.toml"
    command = f"{sys.executable} -m pytest -x -q {' '.join(_tests(file, narrow))}"
    filters = ", ".join(f"'{pattern}'" for pattern in _LEFT_OUT)
    config.write_text(
        f"[cosmic-ray]\nmodule-path = '{file}'\ntimeout = {TIMEOUT}\nexcluded-modules = []\n"
        f"test-command = '{command}'\n[cosmic-ray.distributor]\nname = 'local'\n"
        f"[cosmic-ray.filters.operators-filter]\nexclude-operators = [{filters}]\n",
        encoding="utf-8",
    )
    if not session.exists():
        draft = session.with_suffix(".draft")
        draft.unlink(missing_ok=True)
        _call("cosmic-ray", "init", config, draft)
        _call("cr-filter-operators", draft, config)
        # Else every mutant would be noticed.
        _call("cosmic-ray", "--verbosity=INFO", "baseline", config)
        draft.rename(session)
    _call("cosmic-ray", "exec", config, session)
    with use_db(session, WorkDB.Mode.open) as database:
        results = [result for _, result in database.results]
    # Those left out have no outcome, and a place that could not be changed is INCOMPETENT.
    noticed = sum(result.test_outcome == TestOutcome.KILLED for result in results)
    survivors = [result for result in results if result.test_outcome == TestOutcome.SURVIVED]
    return Found(noticed, tuple(each.diff or "" for each in survivors))


def _tests(file: Path, narrow: bool) -> Iterator[str]:
    """The tests of the file's room, first those that import it or the package that it is in."""
    modules = {".".join(("normsweep", *path.parts)) for path in (file.with_suffix(""), file.parent)}
    modules -= {f"normsweep.{folder}" for folder in MUTATED}
    imported = re.compile(rf"^from ({'|'.join(map(re.escape, modules))}) import", re.MULTILINE)
    room = Path("tests") / file.parts[0]
    for test in sorted((ROOT / room).glob("test_*.py")):
        if imported.search(test.read_text("utf-8")):
            yield str(test.relative_to(ROOT))
    if not narrow:
        yield str(room)


def _call(command: str, *arguments: str | Path) -> None:
    # Bytecode of a mutant could be taken for that of the next one, of the same second and size.
    environment = os.environ | {"PYTHONPATH": str(IMPORTED), "PYTHONDONTWRITEBYTECODE": "1"}
    program = Path(sys.executable).parent / command
    subprocess.run([program, *arguments], cwd=TREE, env=environment, check=True)


if __name__ == "__main__":
    main()
