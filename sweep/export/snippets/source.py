"""Functions copied out of files of parts, with all that they call, and put into a snippet."""

import ast
import builtins
import symtable
from collections.abc import Callable, Collection, Iterator, Mapping
from functools import cache
from importlib.resources import files

from normsweep.errors import UserError


class Parts:
    """The functions in the files of a folder beside this one, by the names of file and function."""

    def __init__(self, folder: str) -> None:
        found = (files("normsweep.export") / "snippets" / folder).iterdir()
        self._files = {
            file.name.removesuffix(".py"): _functions(file.read_text(encoding="utf-8"))
            for file in sorted(found, key=lambda file: file.name)
            if file.name.endswith(".py")
        }

    def names(self, file: str, suffix: str = "") -> tuple[str, ...]:
        """What the functions of a file are called whose names end so, without that ending."""
        return tuple(
            name.removesuffix(suffix) for name in self._files[file] if name.endswith(suffix)
        )

    def needed(self, code: str) -> dict[str, str]:
        """The text of each function that the code names, behind those that it names itself."""
        known: dict[str, str] = {}
        for functions in self._files.values():
            known |= functions
        needed: dict[str, str] = {}
        met: set[str] = set()

        def add(text: str) -> None:
            for name in _names(text):
                if name in known and name not in met:
                    met.add(name)
                    add(known[name])
                    needed[name] = known[name]

        add(code)
        return needed


@cache
def parts(folder: str) -> Parts:
    """The parts in a folder, read once."""
    return Parts(folder)


def exportable(field: str, value: str, known: Collection[str], form: str) -> str:
    """The value of a field of a config, where it is among those that a format knows.

    Raises `UserError` where it is not: code that does not run would be worse, or that does
    something else.
    """
    if value not in known:
        raise UserError(
            f'{field} = "{value}": --format {form} has no code for it; accepted: '
            f"{', '.join(known)}, or --format toml, json or yaml"
        )
    return value


def assembled(
    head: Callable[[set[str]], str],
    imports: Mapping[str, str],
    constant: str,
    parts: Parts,
    wiring: str,
) -> str:
    """A snippet: comments, imports, a constant, the functions that the wiring calls, the wiring.

    `head` makes the comments from the names of these functions. `imports` are lines by the name
    that each binds. What the code does not use is left out. Raises `UserError` for code that names
    what neither it nor Python defines.
    """
    functions = parts.needed(wiring)
    code = "\n\n\n".join([*functions.values(), wiring])
    named = _names(code)
    lines = "\n".join(line for name, line in imports.items() if name in named)
    used = [lines, *([constant] if "WEIGHTS" in named else [])]
    body = "\n".join(["\n\n".join(used), "", "", code, ""])
    if missing := sorted(undefined_names(body)):
        raise UserError(
            f"the code for this config would name {', '.join(missing)}, which nothing defines; "
            "accepted: --format toml, json or yaml"
        )
    return f"{head(set(functions))}\n\n{body}"


def undefined_names(code: str) -> set[str]:
    """The names that code reads, and that neither it nor Python binds."""
    module = symtable.symtable(code, "snippet", "exec")
    bound = {
        symbol.get_name()
        for symbol in module.get_symbols()
        if symbol.is_assigned() or symbol.is_imported() or symbol.is_namespace()
    }
    read = {
        symbol.get_name()
        for table in _tables(module)
        for symbol in table.get_symbols()
        if symbol.is_referenced() and (table is module or symbol.is_global())
    }
    return read - bound - set(dir(builtins))


def _tables(table: symtable.SymbolTable) -> Iterator[symtable.SymbolTable]:
    yield table
    for child in table.get_children():
        yield from _tables(child)


def _functions(text: str) -> dict[str, str]:
    """The functions of a module by their names, each as it stands there."""
    return {
        node.name: ast.get_source_segment(text, node) or ""
        for node in ast.parse(text).body
        if isinstance(node, ast.FunctionDef)
    }


def _names(code: str) -> list[str]:
    """The names that code reads or writes, in their order."""
    nodes = [node for node in ast.walk(ast.parse(code)) if isinstance(node, ast.Name)]
    nodes.sort(key=lambda node: (node.lineno, node.col_offset))
    return list(dict.fromkeys(node.id for node in nodes))
