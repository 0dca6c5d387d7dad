"""Ctrl-C while a program is compiled in a thread."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

from normsweep.data.cache import CACHE_VARIABLE

CALL = """
import time
from normsweep.cli import main
from normsweep.score import first

def compile_chunk(*arguments):
    print("compiling", flush=True)
    # As XLA does, it goes on whatever the interpreter wants.
    time.sleep(600)

first.compile_chunk = compile_chunk
main()
"""


def test_ctrl_c_does_not_wait_for_what_is_compiled(write_spec, folder: Path) -> None:
    process = subprocess.Popen(
        [sys.executable, "-c", CALL, "launch", str(write_spec())],
        cwd=folder,
        env=os.environ | {CACHE_VARIABLE: "off"},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "compiling\n"
    process.send_signal(signal.SIGINT)
    time.sleep(0.5)
    process.send_signal(signal.SIGINT)
    _, told = process.communicate(timeout=60)
    assert process.returncode == 130, told
    assert "Traceback" not in told
