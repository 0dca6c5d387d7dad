"""`sweep dashboard`."""

from typing import Annotated

import typer
from rich.markup import escape

from normsweep.cli.app import Files, Storage, app, console, notices
from normsweep.errors import UserError

_LOCAL = ("127.0.0.1", "localhost", "::1")


@app.command("dashboard", epilog="Example:  sweep dashboard --port 8081")
def dashboard_command(
    storage: Storage = None,
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=1, max=65535, help="Port to listen on.")] = 8080,
    files: Files = None,
) -> None:
    """Serve the Optuna dashboard on this storage, until Ctrl-C.

    Beside Optuna's own: verdicts and scores as notes, figures, samples of every completed trial;
    they keep up with studies that run. A file that cannot be written is shown as it is.
    """
    import multiprocessing
    import socket

    from optuna_dashboard import run_server

    from normsweep.report.board.refresh import keep_fresh
    from normsweep.storage import open_storage
    from normsweep.storage.artifacts import artifact_folder, artifact_store
    from normsweep.storage.connect import only_to_be_read, study_files
    from normsweep.storage.migrate import migrate

    reading = only_to_be_read(storage)
    opened = open_storage(storage, reading=reading)
    with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            raise UserError(f"--host {host} --port {port}: {error.strerror}") from error
    if host not in _LOCAL:
        notices.print(
            f"[yellow]warning:[/] listening on {host}: whoever reaches this address can read and "
            "change all studies; the dashboard has no login."
        )
    shown = f"[{host}]" if ":" in host else host
    console.print(
        f"Optuna dashboard on http://{shown}:{port}/  (Ctrl-C ends it)",
        highlight=False,
        markup=False,
    )
    folder = study_files(opened, files)
    if reading:
        notices.print(
            "[yellow]warning:[/] the database can only be read: notes and figures are those that "
            "it has, and nothing can be changed"
        )
        store = artifact_store(folder) if artifact_folder(folder).is_dir() else None
        run_server(opened, host=host, port=port, artifact_store=store)
        return
    migrate(opened.engine)
    url = opened.engine.url.render_as_string(hide_password=False)
    # A daemon: it is ended with this process.
    multiprocessing.get_context("spawn").Process(
        target=keep_fresh, args=(url, folder, _warn), name="refresh", daemon=True
    ).start()
    run_server(opened, host=host, port=port, artifact_store=artifact_store(folder))


def _warn(message: str) -> None:
    notices.print(f"[yellow]warning:[/] {escape(message)}", highlight=False)
