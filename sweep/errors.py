"""The one exception that means "the user can fix this", and how others are told in one line."""

import traceback
from pathlib import Path


class UserError(Exception):
    """A mistake of the user's, told in one message.

    The message names the field or file, the value found and what is accepted. The command line
    prints it without a traceback and exits with status 2.
    """


def in_one_line(error: BaseException) -> str:
    """An exception as one line: file and line, its type, and the first line of what it says."""
    frames = traceback.extract_tb(error.__traceback__)
    place = f"{Path(frames[-1].filename).name}, line {frames[-1].lineno}: " if frames else ""
    said = str(error).strip().splitlines()
    return place + type(error).__name__ + (f": {said[0]}" if said else "")
