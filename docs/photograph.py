"""Takes docs/report.png and docs/dashboard.png from a finished `digits` study, in Chromium.

make demo && python -m docs.photograph studies.db
"""

import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable
from pathlib import Path

from tests.browser import started_browser

PORT = 8765
HERE = Path(__file__).parent
SWEEP = [sys.executable, "-m", "normsweep"]
_SHOW_EFFECT = """
const title = [...document.querySelectorAll("*")].filter(
  (e) => !e.children.length && e.textContent.includes("Effect against the baseline"));
if (!title.length) return false;
title[0].scrollIntoView({block: "start"});
window.scrollBy(0, -120);
return true;
"""


def photograph(database: Path, name: str = "digits") -> None:
    """Writes both pictures."""
    storage = f"sqlite:///{database}"
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder) / "report.html"
        subprocess.run([*SWEEP, "report", name, "--storage", storage, "-o", report], check=True)
        server = subprocess.Popen(
            [*SWEEP, "dashboard", "--storage", storage, "--port", str(PORT)],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        try:
            with started_browser(Path(folder) / "profile") as browser:
                browser.set_window_size(1200, 1000)
                browser.get(report.as_uri())
                time.sleep(2)
                browser.save_screenshot(str(HERE / "report.png"))
                address = f"http://127.0.0.1:{PORT}"
                wait(lambda: urllib.request.urlopen(f"{address}/api/studies").status == 200)
                browser.set_window_size(1200, 900)
                # Notes and figures come a few seconds after the server.
                time.sleep(20)
                browser.get(f"{address}/dashboard/studies/1")
                wait(lambda: bool(browser.execute_script(_SHOW_EFFECT)))
                time.sleep(3)
                browser.save_screenshot(str(HERE / "dashboard.png"))
        finally:
            server.terminate()
            server.wait()


def wait(holds: Callable[[], bool]) -> None:
    """Until something holds without an error, for a minute."""
    deadline = time.monotonic() + 60
    while True:
        try:
            if holds():
                return
        except OSError:
            pass
        assert time.monotonic() < deadline
        time.sleep(0.2)


if __name__ == "__main__":
    photograph(Path(sys.argv[1]))
