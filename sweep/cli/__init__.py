"""The command line `sweep`."""

from sweep.cli.main import main

__all__ = ["main"]
