"""Files that are there whole or not at all."""

import errno
import os
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import quote

from normsweep.errors import UserError


def write_whole(path: Path, content: str | bytes) -> None:
    """Writes a file, a text in UTF-8; what was there stays until the new one is whole.

    Raises `UserError` where it cannot be written.
    """
    content = content.encode() if isinstance(content, str) else content
    with writing(path):
        if path.exists() and not path.is_file():
            # A pipe or a terminal, which nothing can take the place of.
            path.write_bytes(content)
            return
        place = path.resolve()
        number, draft = tempfile.mkstemp(prefix=f".{place.name}-", dir=place.parent)
        try:
            with open(number, "wb") as file:
                file.write(content)
            os.chmod(draft, place.stat().st_mode if place.exists() else 0o666 & ~_umask())
            os.replace(draft, place)
        except BaseException:
            os.unlink(draft)
            raise


@contextmanager
def writing(path: Path) -> Iterator[None]:
    """Tells what the system says against writing there as a `UserError` that names the path."""
    try:
        yield
    except OSError as error:
        raise UserError(f"{path}: cannot be written: {error.strerror or error}") from error


def require_room(folder: Path, size: int) -> None:
    """Raises `OSError` where the file system of `folder` has no room for `size` bytes.

    For what is written by many threads of a library: one that finds the disk full leaves the
    others to fail one by one, each with a traceback of its own.
    """
    if shutil.disk_usage(folder).free < size:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(folder))


def study_folder(files: Path, study: str) -> Path:
    """The folder of a study below that of all; its name cannot lead out of that."""
    name = quote(study, safe=" ")
    # A name of dots alone would be a folder further up.
    return files / (name if name.strip(".") else name.replace(".", "%2E"))


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask


def format_by_ending(output: Path | None, endings: Mapping[str, str], default: str) -> str:
    """The format that a file's ending says, in capitals too; the default where it has none.

    Raises `UserError` for an ending that says none: the file would hold what nobody expects in it.
    """
    ending = "" if output is None else output.suffix.lower()
    if ending and ending not in endings:
        accepted = ", ".join(endings)
        raise UserError(
            f"-o {output}: got the ending {ending!r}; accepted: {accepted}, or any with --format"
        )
    return endings.get(ending, default)
