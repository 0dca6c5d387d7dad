"""What a plug-in is made of: its file, and the neighbours that import statements name.

The statements are read, not run, so that what they name is known before anything is run, and is the
same whether a function has been called yet or not.
"""

import ast
import hashlib
import site
import sysconfig
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from importlib.machinery import BuiltinImporter, FrozenImporter
from importlib.util import find_spec
from pathlib import Path

OURS = __name__.partition(".")[0]


@dataclass(frozen=True)
class Source:
    """A module of a plug-in; of a folder without an `__init__.py` there is no `path`."""

    path: Path | None
    content: bytes = b""
    is_package: bool = False


@dataclass(frozen=True)
class Sources:
    """The modules of a plug-in by the names that they are imported by in its folder.

    `main` is the name of the plug-in's own file among them.
    """

    main: str
    modules: Mapping[str, Source]

    @property
    def files(self) -> Iterator[Path]:
        return (each.path for each in self.modules.values() if each.path is not None)

    def fingerprint(self) -> str:
        """SHA-256, in hex, over the bytes of the file, and of its neighbours where it has any."""
        own = self.modules[self.main]
        neighbours = {
            name: hashlib.sha256(each.content).hexdigest()
            for name, each in self.modules.items()
            if each.path is not None and name != self.main
        }
        told = "".join(f"\n{name} {digest}" for name, digest in sorted(neighbours.items()))
        if not told:
            return hashlib.sha256(own.content).hexdigest()
        return hashlib.sha256(hashlib.sha256(own.content).digest() + told.encode()).hexdigest()


def read_sources(path: Path) -> Sources:
    """Reads a file and, as Python would for a script, what it imports from the folder it lies in.

    A file there comes before whatever is installed, and a folder in which there is none by the name
    that is imported after. Modules inside the interpreter and `normsweep` itself are not replaced.
    Raises `OSError` where the file cannot be read.
    """
    # Where it is called as something installed, what it imports by that name is not itself.
    others = {OURS, path.stem} if _is_installed(path.stem, path) else {OURS}
    main = path.stem.replace(".", "_") + (" of the user" if path.stem in others else "")
    found = {main: Source(path, path.read_bytes())}
    waiting = [main] if path.parent.resolve() not in _INSTALLED else []
    while waiting:
        module = waiting.pop()
        for wanted in _imported(module, found[module], path.parent):
            if _top(wanted) not in others:
                there = _on_the_way(wanted, path.parent)
                waiting += there.keys() - found.keys()
                found = there | found
    return Sources(main, found)


_INSTALLED = {
    Path(folder).resolve()
    for folder in (
        *(sysconfig.get_path(name) for name in ("stdlib", "platstdlib", "purelib", "platlib")),
        *site.getsitepackages(),
        site.getusersitepackages(),
    )
}
"""Folders in which nothing is a neighbour: what a file there imports has been imported already."""


def _on_the_way(wanted: str, folder: Path) -> dict[str, Source]:
    """The modules of the folder that an import of a dotted name runs; none for installed ones."""
    parts = wanted.split(".")
    if any(finder.find_spec(parts[0]) for finder in (BuiltinImporter, FrozenImporter)):
        return {}
    found: dict[str, Source] = {}
    for count in range(1, len(parts) + 1):
        source = _find(folder.joinpath(*parts[:count]))
        if source is None:
            break
        found[".".join(parts[:count])] = source
    folders_alone = all(source.path is None for source in found.values())
    return {} if folders_alone and _is_installed(parts[0], folder) else found


def _find(place: Path) -> Source | None:
    package, file = place / "__init__.py", place.with_name(f"{place.name}.py")
    if package.is_file():
        return Source(package, package.read_bytes(), is_package=True)
    if file.is_file():
        return Source(file, file.read_bytes())
    return Source(None, is_package=True) if place.is_dir() else None


def _top(name: str) -> str:
    return name.partition(".")[0]


def _is_installed(name: str, other_than: Path) -> bool:
    try:
        spec = find_spec(name) if name.isidentifier() else None
    except (ImportError, ValueError):
        return True
    if spec is None or spec.origin is None:
        return False
    return Path(spec.origin).resolve() != other_than.resolve()


def _imported(module: str, source: Source, folder: Path) -> Iterator[str]:
    """The names of modules, or of what is in them, that a source imports anywhere in its code."""
    try:
        tree = ast.parse(source.content)
    except (SyntaxError, ValueError):
        # To be told of when it is run.
        return
    package = module if source.is_package else module.rpartition(".")[0]
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            within = package.split(".") if node.level and package else []
            within = within[: len(within) - max(node.level - 1, 0)]
            base = [*within, *filter(None, [node.module])]
            for alias in node.names:
                if alias.name != "*":
                    yield ".".join([*base, alias.name])
                else:
                    # Its `__all__` may name any of them.
                    there = folder.joinpath(*base).glob("*.py")
                    yield from (".".join([*base, path.stem]) for path in sorted(there))
            if base:
                yield ".".join(base)
