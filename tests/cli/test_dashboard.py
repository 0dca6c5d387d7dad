"""`sweep dashboard`: a real server on this machine alone."""

import json
import signal
import socket
import subprocess
import time
import urllib.error
import urllib.request

import psutil


def studies_served(process: subprocess.Popen[str], port: int) -> list[str]:
    """The names of the studies, as soon as the dashboard says them."""
    address = f"http://127.0.0.1:{port}/api/studies"
    deadline = time.monotonic() + 60
    while True:
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < deadline
        try:
            with urllib.request.urlopen(address, timeout=90) as response:
                return [study["study_name"] for study in json.load(response)["study_summaries"]]
        except urllib.error.URLError:
            time.sleep(0.05)


def test_the_dashboard_lists_the_study_and_ends_with_ctrl_c(start, example, port) -> None:
    process = start("dashboard", "--storage", example.url, "--port", str(port))
    assert studies_served(process, port) == ["small"]
    assert process.stdout.readline().startswith(f"Optuna dashboard on http://127.0.0.1:{port}/")
    listening = [
        connection.laddr.ip
        for connection in psutil.Process(process.pid).net_connections(kind="tcp")
        if connection.status == psutil.CONN_LISTEN
    ]
    assert listening == ["127.0.0.1"]
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=90)
    assert process.returncode == 0
    assert "Traceback" not in err


def test_nothing_is_left_of_a_dashboard_that_is_killed(start, example, port) -> None:
    process = start("dashboard", "--storage", example.url, "--port", str(port))
    studies_served(process, port)
    helpers = psutil.Process(process.pid).children(recursive=True)
    assert helpers
    process.kill()
    _, alive = psutil.wait_procs(helpers, timeout=60)
    assert not alive


def test_a_port_in_use_is_refused_by_name(sweep, example, port) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", port))
        taken.listen()
        called = sweep("dashboard", "--storage", example.url, "--port", str(port))
    assert called.code == 2
    assert called.err.startswith(f"error: --host 127.0.0.1 --port {port}: ")
    assert len(called.err.splitlines()) == 1


def test_a_host_that_is_not_this_machine_is_refused_by_name(sweep, example, port) -> None:
    # 192.0.2.0/24 is for documentation: no machine has an address in it.
    called = sweep(
        "dashboard", "--storage", example.url, "--host", "192.0.2.1", "--port", str(port)
    )
    assert called.code == 2
    assert called.err.startswith(f"error: --host 192.0.2.1 --port {port}: ")
