"""Mutation testing: the share of small changes to `objectives/` and `models/` that a test notices.

    make mutate                                   # all mutants, for days: stopped, it goes on
    make mutate FILES="--sample 200 --seconds 60" # as many, drawn at random: an hour or two
    make mutate FILES=objectives/schedules.py     # all of one file, for some minutes

Cosmic Ray (https://cosmic-ray.readthedocs.io) finds the places and changes them, one at a time, in
a copy of the tree below `build/mutate`. A mutant is noticed when a test fails that passes without
it; the tests of its room are tried, the nearest by imports first. What was found is kept in
`build/mutate/sessions` and not tried again, but for a survivor whose tests have changed since.
"""

import argparse
import ast
import compileall
import difflib
import fcntl
import hashlib
import importlib
import multiprocessing
import os
import random
import re
import resource
import shutil
import signal
import sys
import tomllib
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from itertools import pairwise
from multiprocessing.connection import Connection
from pathlib import Path

import pytest
from cosmic_ray import plugins
from cosmic_ray.commands import init
from cosmic_ray.mutating import mutate_code
from cosmic_ray.work_db import WorkDB, use_db
from cosmic_ray.work_item import TestOutcome, WorkerOutcome, WorkResult
from scipy.stats import binomtest

from docs.rooms import ROOT, files, imported

FOLDER = ROOT / "build" / "mutate"
TREE, SESSIONS, IMPORTED = FOLDER / "tree", FOLDER / "sessions", FOLDER / "imported"
MUTATED = ("objectives", "models")
COPIED = ("sweep", *MUTATED, "tests", "bench", "conftest.py", "pyproject.toml")
LOG = FOLDER / "last.log"
"""What pytest printed of the last file of tests."""
EQUIVALENT = Path(__file__).with_name("equivalent_mutants.toml")
GOAL = 0.95
NEVER = 3600.0
"""Seconds after which the tests of a mutant that need no processor are ended, which notices it."""

# One change of each kind at a place: the others would be noticed by the same tests. What stands
# between types, as in `int | None`, is no code that runs.
_BINARY = ("Add_Sub", "Sub_Add", "Mul_Div", "Div_Mul", "Pow_Mul", "FloorDiv_Div", "Mod_Mul")
_COMPARISONS = ("Lt_LtE", "LtE_Lt", "Gt_GtE", "GtE_Gt", "Eq_NotEq", "NotEq_Eq", "Is_IsNot")
_LEFT_OUT = re.compile(
    rf"core/ReplaceBinaryOperator_(?!({'|'.join((*_BINARY, 'BitAnd_BitOr'))})$)"
    rf"|core/ReplaceComparisonOperator_(?!({'|'.join((*_COMPARISONS, 'IsNot_Is'))})$)"
    r"|core/ReplaceUnaryOperator_(?!Delete_)"
)

_PRELOADED = ("flax.nnx", "flax.linen", "optax", "optuna", "orbax.checkpoint", "hypothesis")
_PRELOADED += ("sklearn.ensemble", "sqlalchemy.orm", "pydantic", "matplotlib.figure", "typer")


@dataclass(frozen=True)
class Mutant:
    """One change of one file: its number in the session, and the change as a diff."""

    file: Path
    job: str
    operator: str
    occurrence: int

    def text(self, source: str) -> str | None:
        """The file with the change; None where that is no Python, or the same as before."""
        operator = plugins.get_operator(self.operator)()
        text = mutate_code(source, operator, self.occurrence)
        try:
            same = text is None or ast.dump(ast.parse(text)) == ast.dump(ast.parse(source))
        except SyntaxError:
            return None
        return None if same else text


@dataclass(frozen=True)
class Found:
    """A mutant that was tried: the test that noticed it, if any did."""

    file: Path
    diff: str
    noticed_by: str | None

    @property
    def changed(self) -> tuple[str, str, str]:
        """File, line before and line after, by which a list knows the mutant."""
        lines = self.diff.splitlines()[2:]
        before, after = (
            next((line[1:].strip() for line in lines if line.startswith(sign)), "") for sign in "-+"
        )
        return str(self.file), before, after


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("files", nargs="*", type=Path, help="of objectives/ and models/; all")
    parser.add_argument("--sample", type=int, help="so many mutants, evenly from all files; all")
    parser.add_argument("--seed", type=int, default=0, help="of the sample")
    parser.add_argument(
        "--seconds",
        type=int,
        default=900,
        help="of the processor for the tests of a mutant: if none fails it counts as not noticed",
    )
    given = parser.parse_args()
    chosen = given.files or sorted(path for path in files().values() if path.parts[0] in MUTATED)
    for file in chosen:
        if file.parts[:1] not in [(folder,) for folder in MUTATED] or not (ROOT / file).is_file():
            raise SystemExit(f"{file}: accepted are files below {' and '.join(MUTATED)}")
    SESSIONS.mkdir(parents=True, exist_ok=True)
    with (FOLDER / "lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise SystemExit(
                f"{TREE}: another run is at work there; wait for it or end it"
            ) from None
        _copy()
        for name in _PRELOADED:
            importlib.import_module(name)
        found: list[Found] = []
        # Ctrl-C or SIGTERM end it with what was found until then.
        signal.signal(signal.SIGTERM, signal.default_int_handler)
        with suppress(KeyboardInterrupt):
            for mutant in _drawn([m for file in chosen for m in _mutants(file)], given):
                each = _tried(mutant, given.seconds)
                if each is not None:
                    found.append(each)
                    what = each.noticed_by or "NOT NOTICED"
                    print(f"{len(found)}: {' | '.join(each.changed)}: {what}", flush=True)
    _print(found)


def _drawn(mutants: list[Mutant], given: argparse.Namespace) -> list[Mutant]:
    """One at random of each of `--sample` equal parts, so that each file has its share."""
    if given.sample is None or given.sample >= len(mutants):
        return mutants
    drawn = random.Random(given.seed)
    ends = [len(mutants) * part // given.sample for part in range(given.sample + 1)]
    sample = [mutants[drawn.randrange(*part)] for part in pairwise(ends)]
    # In this order what was tried until it was stopped is a sample, too.
    drawn.shuffle(sample)
    return sample


def _print(found: list[Found]) -> None:
    kept = tomllib.loads(EQUIVALENT.read_text(encoding="utf-8"))["mutant"]
    equivalent = {(each["file"], each["line"], each["changed"]) for each in kept}
    survivors = [each for each in found if each.noticed_by is None]
    left = [each for each in survivors if each.changed not in equivalent]
    for each in left:
        print(f"\n{each.file}: no test noticed\n{each.diff}")
    count = len(found) - len(survivors) + len(left)
    if not count:
        raise SystemExit("nothing to mutate")
    noticed = count - len(left)
    low, high = binomtest(noticed, count).proportion_ci(0.95, method="wilson")
    print(
        f"\n{noticed / count:.1%} of {count} noticed (Wilson's 95 %: {low:.1%} to {high:.1%}; "
        f"goal: {GOAL:.0%}); {len(survivors) - len(left)} more change nothing ({EQUIVALENT.name})"
    )


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
            shutil.copy2(source, TREE / name)
    packages = [*(TREE / "sweep").iterdir(), *(TREE / folder for folder in MUTATED)]
    for path in packages:
        (IMPORTED / "normsweep" / path.name).symlink_to(path)
    # No test's process writes bytecode: a mutant's could be taken for the next one's.
    compileall.compile_dir(TREE, quiet=1)


def _mutants(file: Path) -> list[Mutant]:
    """Those of a file, in the order of operators and places."""
    session = _session(file)
    if not session.exists():
        draft = session.with_suffix(".draft")
        draft.unlink(missing_ok=True)
        with use_db(draft, WorkDB.Mode.create) as database:
            init([file], database, {})
        draft.rename(session)
    with use_db(session, WorkDB.Mode.open) as database:
        changes = [(item.job_id, *item.mutations) for item in database.work_items]
    every = [Mutant(file, job, one.operator_name, one.occurrence) for job, one in changes]
    kept = [mutant for mutant in every if not _LEFT_OUT.match(mutant.operator)]
    return sorted(kept, key=lambda mutant: (mutant.operator, mutant.occurrence))


def _session(file: Path) -> Path:
    digest = hashlib.sha256((ROOT / file).read_bytes()).hexdigest()[:8]
    return SESSIONS / f"{'.'.join(file.with_suffix('').parts)}-{digest}.sqlite"


def _tried(mutant: Mutant, seconds: int) -> Found | None:
    """What the tests say of a mutant, now or before; None where it changes no code."""
    source = (ROOT / mutant.file).read_text(encoding="utf-8")
    text = mutant.text(source)
    if text is None:
        return None
    diff = "\n".join(difflib.unified_diff(source.splitlines(), text.splitlines(), lineterm="", n=1))
    tests = _tests(mutant.file)
    texts = b"".join((ROOT / test).read_bytes() for test in tests)
    asked = f"{hashlib.sha256(texts).hexdigest()} {seconds}"
    with use_db(_session(mutant.file), WorkDB.Mode.open) as database:
        known = dict(database.results).get(mutant.job)
    if known is None or (known.test_outcome == TestOutcome.SURVIVED and known.output != asked):
        place = TREE / mutant.file
        place.write_text(text, encoding="utf-8")
        try:
            noticed_by = _failure(tests, seconds)
        finally:
            # With the time of the source, by which the bytecode is known for its.
            shutil.copy2(ROOT / mutant.file, place)
        if noticed_by and not _passes(noticed_by, seconds):
            raise SystemExit(f"{noticed_by}: fails without a change, too")
        outcome = TestOutcome.KILLED if noticed_by else TestOutcome.SURVIVED
        known = WorkResult(WorkerOutcome.NORMAL, noticed_by or asked, outcome, diff)
        with use_db(_session(mutant.file), WorkDB.Mode.open) as database:
            database.set_result(mutant.job, known)
    return Found(
        mutant.file, diff, known.output if known.test_outcome == TestOutcome.KILLED else None
    )


@cache
def _passes(test: str, seconds: int) -> bool:
    return _failure([test], seconds) is None


@cache
def _tests(file: Path) -> list[str]:
    """The files of tests of the room that import the file, by however many imports.

    Those of its name come first, then those from which few imports lead to it, and short ones: so
    a test that fails costs least.
    """
    known = files()
    tests = {path.relative_to(ROOT) for path in (ROOT / "tests").rglob("*.py")}
    helpers = {".".join(path.with_suffix("").parts): path for path in tests}
    every = known | helpers
    importers: dict[Path, set[Path]] = {}
    for path in every.values():
        for name in imported(path, every):
            importers.setdefault(every[name], set()).add(path)
    steps, reached, level = 0, {file: 0}, {file}
    while level:
        steps += 1
        level = {path for each in level for path in importers.get(each, ())} - reached.keys()
        reached |= dict.fromkeys(level, steps)
    room = sorted(
        (file.stem not in path.stem, steps, (ROOT / path).stat().st_size, str(path))
        for path, steps in reached.items()
        if path.parent == Path("tests", file.parts[0]) and path.name.startswith("test_")
    )
    return [path for *_, path in room]


class _Watch:
    """What pytest tells of the first test that fails; what fails is not made smaller first."""

    def __init__(self) -> None:
        self.failed: str | None = None

    def pytest_configure(self) -> None:
        from hypothesis import Phase, settings

        settings.register_profile("unshrunk", settings(phases=set(Phase) - {Phase.shrink}))
        settings.load_profile("unshrunk")

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.failed:
            self.failed = self.failed or report.nodeid

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        if report.failed:
            self.failed = self.failed or report.nodeid


def _failure(tests: list[str], seconds: int) -> str | None:
    """The first test that fails, of files or of one; a crash and what never ends are failures, too.

    In a process forked from this one, which has imported what takes longest.
    """
    fork = multiprocessing.get_context("fork")
    receiver, sender = fork.Pipe(duplex=False)
    process = fork.Process(target=_run, args=(tests, seconds, sender))
    process.start()
    sender.close()
    assert process.pid is not None
    try:
        answer: str | None = receiver.recv() if receiver.poll(NEVER) else tests[0]
    except EOFError:
        process.join()
        answer = None if process.exitcode == -signal.SIGXCPU else tests[0]
    finally:
        # With what the tests started.
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.join()
    return answer


def _run(tests: list[str], seconds: int, sender: Connection) -> None:
    os.setsid()
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds + 60))
    os.chdir(TREE)
    log = os.open(LOG, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    for stream in (1, 2):
        os.dup2(log, stream)
    for name in [name for name in sys.modules if name.split(".")[0] in ("bench", "docs")]:
        del sys.modules[name]
    sys.dont_write_bytecode = True
    sys.path[:] = [
        str(IMPORTED),
        *(path for path in sys.path if Path(path or ".").resolve() != ROOT),
    ]
    os.environ |= {"PYTHONPATH": str(IMPORTED), "PYTHONDONTWRITEBYTECODE": "1"}
    watch = _Watch()
    options = ["-x", "-q", "-m", "not slow", "-p", "no:cacheprovider", "--assert=plain"]
    code = pytest.main([*options, *tests], plugins=[watch])
    sender.send(watch.failed or (None if code in (0, 5) else tests[0]))
    sender.close()
    os._exit(0)


if __name__ == "__main__":
    main()
