"""A role that may only read reads all that a study says, from PostgreSQL."""

import gc
from collections.abc import Iterator

import optuna
import pytest
from sqlalchemy import create_engine, make_url, text

from normsweep.storage import open_storage
from tests.report.figures.studies import at, spec_of, study_of


@pytest.fixture
def readable(postgres) -> Iterator[str]:
    """The URL of a database with a study, as a role that may read it and no more."""
    url = postgres.new_url()
    study = study_of(spec_of(), [1.0, 2.0, 3.0], [(at(0.1, order=1.0), [1.0, 2.0, 4.0])])
    storage = open_storage(url, create=True)
    optuna.copy_study(from_study_name="drawn", from_storage=study._storage, to_storage=storage)
    made = optuna.load_study(study_name="drawn", storage=storage)
    for key, value in {"control": "open", "versions": {"jax": "1"}, "fingerprints": {}}.items():
        made.set_user_attr(key, value)
    storage.engine.dispose()
    engine = create_engine(url)
    with engine.begin() as connection:
        connection.execute(text("DROP ROLE IF EXISTS reader"))
        connection.execute(text("CREATE ROLE reader LOGIN PASSWORD 'r'"))
        connection.execute(text("GRANT SELECT ON ALL TABLES IN SCHEMA public TO reader"))
    yield make_url(url).set(username="reader", password="r").render_as_string(hide_password=False)
    with engine.begin() as connection:
        connection.execute(text("DROP OWNED BY reader"))
        connection.execute(text("DROP ROLE reader"))
    engine.dispose()


# A command leaves its connections to the end of its process, which does not come here.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
@pytest.mark.filterwarnings("ignore::ResourceWarning")
def test_commands_that_only_read_need_no_more_than_select(readable: str, sweep) -> None:
    for command in (
        ("list",),
        ("show", "drawn"),
        ("status", "--json"),
        ("export", "drawn"),
        ("export", "drawn", "--format", "csv"),
    ):
        called = sweep(*command, "--storage", readable)
        assert called.code == 0, (command, called)
    refused = sweep("pause", "drawn", "--storage", readable)
    assert refused.code in (1, 2) and "Traceback" not in refused.err
    gc.collect()
