"""Running a plug-in's sources, as modules that nothing else can import.

They get names under a package of their own, and only import statements in these sources find them
by the names that they have in their folder, be it in a function that is called much later. The
import path stays as it is: a `models/` of the user's is seen by their files alone, and two
plug-ins that both have a `helpers.py` each have their own.
"""

import builtins
import hashlib
import importlib
import sys
from collections.abc import Callable, Mapping, Sequence
from importlib.abc import MetaPathFinder, SourceLoader
from importlib.machinery import ModuleSpec
from importlib.util import spec_from_file_location
from pathlib import Path
from types import ModuleType
from typing import Any

from normsweep.spec.plugins.sources import Source, Sources

PREFIX = "_sweep_plugin_"


def run_sources(sources: Sources) -> ModuleType:
    """The module of a plug-in's own file, run; what it raises leaves no module behind."""
    path = sources.modules[sources.main].path
    told = hashlib.sha256(f"{path} {sources.fingerprint()}".encode()).hexdigest()
    package = PREFIX + told[:16]
    root = ModuleType(package)
    root.__path__ = []
    # Data classes and pickles look their module up by its name.
    sys.modules[package] = root
    _FINDER.packages[package] = sources.modules
    if _FINDER not in sys.meta_path:
        sys.meta_path.append(_FINDER)
    try:
        return importlib.import_module(f"{package}.{sources.main}")
    except BaseException:
        for name in [name for name in sys.modules if name.partition(".")[0] == package]:
            del sys.modules[name]
        raise


class _Loader(SourceLoader):
    """Runs the bytes that were read, whatever has become of the file since."""

    def __init__(self, source: Source, builtins: dict[str, Any]) -> None:
        self._source, self._builtins = source, builtins

    def get_filename(self, fullname: str) -> str:
        return str(self._source.path)

    def get_data(self, path: str) -> bytes:
        if path == str(self._source.path):
            return self._source.content
        return Path(path).read_bytes()

    def exec_module(self, module: ModuleType) -> None:
        # Import statements call the `__import__` of the module that they stand in.
        vars(module)["__builtins__"] = self._builtins
        super().exec_module(module)


class _Finder(MetaPathFinder):
    """Finds the modules of all plug-ins, by their private names."""

    def __init__(self) -> None:
        self.packages: dict[str, Mapping[str, Source]] = {}

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        package, _, name = fullname.partition(".")
        source = self.packages.get(package, {}).get(name)
        if source is None:
            return None
        if source.path is None:
            return ModuleSpec(fullname, None, is_package=True)
        importing = _importing(package, self.packages[package])
        loader = _Loader(source, vars(builtins) | {"__import__": importing})
        # No place to search: a file that is not among the sources is not run.
        places: list[str] | None = [] if source.is_package else None
        return spec_from_file_location(
            fullname, source.path, loader=loader, submodule_search_locations=places
        )


_FINDER = _Finder()


def _importing(package: str, modules: Mapping[str, Source]) -> Callable[..., ModuleType]:
    """`__import__` with these modules first."""

    def imported(
        name: str,
        globals: Mapping[str, Any] | None = None,
        locals: Mapping[str, Any] | None = None,
        fromlist: Sequence[str] | None = (),
        level: int = 0,
    ) -> ModuleType:
        top = name.partition(".")[0]
        if level or top not in modules:
            return builtins.__import__(name, globals, locals, fromlist, level)
        if name not in modules:
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)
        if fromlist:
            return builtins.__import__(f"{package}.{name}", globals, locals, fromlist)
        importlib.import_module(f"{package}.{name}")
        return sys.modules[f"{package}.{top}"]

    return imported
