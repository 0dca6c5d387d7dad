"""PostgreSQL behind a pool of connections, and without an encoding."""

import os
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import optuna
import pytest
from sqlalchemy import create_engine, make_url, text

from normsweep.storage import open_storage

PGBOUNCER = shutil.which("pgbouncer") or shutil.which("pgbouncer", path="/usr/sbin")


@pytest.fixture
def pooled(postgres, tmp_path: Path) -> Iterator[str]:
    """The URL of a database behind PgBouncer, with few connections to the server for all."""
    if PGBOUNCER is None:
        pytest.skip("no pgbouncer is installed")
    url = make_url(postgres.new_url())
    where = url.query.get("host") or url.host
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    server = f"host={where} user={url.username} dbname={url.database}"
    server += f" port={url.port}" if url.port else ""
    settings = tmp_path / "pgbouncer.ini"
    settings.write_text(
        f"[databases]\npooled = {server}\n[pgbouncer]\nlisten_addr = 127.0.0.1\n"
        f"listen_port = {port}\nunix_socket_dir =\nauth_type = any\npool_mode = transaction\n"
        "default_pool_size = 2\n",
        encoding="utf-8",
    )
    # It refuses to be root, and the socket of the server is its user's.
    command = [PGBOUNCER, "-q", str(settings)]
    root = Path(tempfile.gettempdir())
    for folder in (tmp_path, *tmp_path.parents):
        if folder.is_relative_to(root) and folder != root:
            folder.chmod(0o755)
    user = Path(where).owner() if os.getuid() == 0 else None
    process = subprocess.Popen(command, user=user, stderr=subprocess.PIPE)
    try:
        for _ in range(100):
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", port)) == 0:
                    break
            time.sleep(0.05)
        else:
            pytest.fail(f"pgbouncer did not start: {process.stderr}")
        yield f"postgresql+psycopg://{url.username}@127.0.0.1:{port}/pooled"
    finally:
        process.terminate()
        process.communicate()


def test_a_pool_that_hands_one_connection_to_several_clients_is_worked_with(pooled) -> None:
    first, second = (open_storage(pooled, create=True) for _ in range(2))
    studies = []
    for storage in (first, second):
        studies.append(
            optuna.create_study(storage=storage, study_name="shared", load_if_exists=True)
        )
    for index in range(12):
        trial = studies[index % 2].ask()
        trial.suggest_float("x", 0.0, 1.0)
        studies[index % 2].tell(trial, 1.0)
    assert len(studies[0].get_trials()) == 12
    for storage in (first, second):
        storage.engine.dispose()


def test_a_database_without_an_encoding_holds_studies(postgres) -> None:
    url = make_url(postgres.url())
    engine = create_engine(url, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.execute(text("DROP DATABASE IF EXISTS ascii"))
        connection.execute(
            text("CREATE DATABASE ascii ENCODING 'SQL_ASCII' TEMPLATE template0 LOCALE 'C'")
        )
    engine.dispose()
    storage = open_storage(postgres.url("ascii"), create=True)
    study = optuna.create_study(storage=storage, study_name="λ")
    study.set_user_attr("spec", {"of": "λ · Σ"})
    loaded = optuna.load_study(study_name="λ", storage=storage)
    assert loaded.user_attrs == {"spec": {"of": "λ · Σ"}}
    storage.engine.dispose()
