"""The command line `sweep`."""

from normsweep.cli.main import main

__all__ = ["main"]
