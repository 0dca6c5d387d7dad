"""What holds for every test: strict JAX, one CPU device per core, no clock limits in Hypothesis."""

import gc
import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import hypothesis
import jax
import pytest
import tenacity

from bench.postgres import Postgres, started_postgres
from conftest import IN_HASTE
from normsweep.data.cache import CACHE_VARIABLE
from normsweep.engine.devices import use_all_cores
from normsweep.engine.population import forget_programs
from normsweep.storage import retry
from tests.small_studies import (  # noqa: F401  (fixtures)
    copied_example,
    database,
    databases,
    empty_database,
    example,
    make_spec,
    outcome,
    query,
    run,
)

jax.config.update("jax_numpy_rank_promotion", "raise")
jax.config.update("jax_numpy_dtype_promotion", "strict")

hypothesis.settings.register_profile("sweep", deadline=None, derandomize=True)
hypothesis.settings.load_profile("sweep")


@pytest.hookimpl(trylast=True)
def pytest_configure() -> None:
    """JAX starts with the cache of compiled programs that all tests have, not before."""
    use_all_cores()


@pytest.fixture(autouse=True, scope="session")
def decoded_pictures_are_kept_apart(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """A test neither finds what a user has decoded before nor leaves anything there."""
    with pytest.MonkeyPatch.context() as patched:
        patched.setenv(CACHE_VARIABLE, str(tmp_path_factory.mktemp("pictures")))
        yield


@pytest.fixture(autouse=True, scope="session")
def databases_are_not_waited_for_long() -> Iterator[None]:
    """In this process, where an outage is over as soon as a test says."""
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(retry, "_WAIT", tenacity.wait_random(0, 0.02))
        yield


QUICK = ("data", "objectives", "search", "spec", "study")
"""Folders whose files take seconds each."""


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Files are dealt out in this order: who is ready last must not have a long one before it."""
    slow = {item.path for item in items if item.get_closest_marker("slow")}
    items.sort(key=lambda item: (item.path not in slow, item.path.parts[-2] in QUICK))


def pytest_collection_finish() -> None:
    """What was imported and collected stays: the garbage collector need not go through it again."""
    gc.collect()
    gc.freeze()


MOST_MAPPINGS = 20_000


@pytest.fixture(autouse=True, scope="module")
def compiled_programs_are_forgotten() -> Iterator[None]:
    """Each maps memory, of which a process may have 65,530 pieces: the compiler crashes at more."""
    yield
    mappings = Path("/proc/self/maps")
    if mappings.exists() and mappings.read_bytes().count(b"\n") > MOST_MAPPINGS:
        jax.clear_caches()


@pytest.fixture(scope="module")
def compiled_with_care(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """For modules that compare bits across programs: compiled as users have it, not in haste."""
    with pytest.MonkeyPatch.context() as patched:
        forget_programs()
        jax.clear_caches()
        patched.delenv(IN_HASTE, raising=False)
        # What other tests keep was found in haste.
        patched.setenv(CACHE_VARIABLE, str(tmp_path_factory.mktemp("with_care")))
        yield
    forget_programs()
    jax.clear_caches()


@pytest.fixture(scope="session")
def mnist_folder() -> Path:
    """The folder of the real MNIST, beside the checkout; skips where it is absent."""
    root = Path(os.environ.get("SWEEP_TEST_DATA", Path(__file__).parents[2] / "shared" / "data"))
    folder = root / "mnist"
    if not folder.is_dir():
        pytest.skip(f"no MNIST: {folder} does not exist (SWEEP_TEST_DATA names its parent)")
    return folder


@pytest.fixture
def storage_url(tmp_path: Path) -> str:
    """A database file of the test's own."""
    return f"sqlite:///{tmp_path / 'studies.db'}"


@pytest.fixture(scope="session")
def new_postgres() -> Iterator[Callable[[], Postgres]]:
    """Starts a real PostgreSQL, which a package from PyPI brings along."""
    with ExitStack() as started:
        yield lambda: started.enter_context(started_postgres())


@pytest.fixture(scope="session")
def postgres(new_postgres: Callable[[], Postgres]) -> Postgres:
    """One that several tests share."""
    return new_postgres()


NewUrl = Callable[[Path], str]


@pytest.fixture(scope="session", params=["sqlite", "postgresql"])
def new_url(request: pytest.FixtureRequest) -> NewUrl:
    """Makes URLs of empty databases, of each kind in turn; SQLite's lie in the folder given."""
    if request.param == "sqlite":
        return lambda folder: f"sqlite:///{folder / 'studies.db'}"
    server: Postgres = request.getfixturevalue("postgres")
    return lambda folder: server.new_url()
