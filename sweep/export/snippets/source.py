"""Functions copied out of a module's text, with all that they call, and put into a snippet."""

import ast
import re
from collections.abc import Iterable, Mapping
from importlib.resources import files


def functions_of(text: str, wanted: Iterable[str]) -> str:
    """The functions called `wanted` of a module, and those that they name, in the module's order.

    Each as it stands there, two empty lines apart. Raises `KeyError` for a name without a function.
    """
    nodes = {node.name: node for node in ast.parse(text).body if isinstance(node, ast.FunctionDef)}
    needed: set[str] = set()
    waiting = list(wanted)
    while waiting:
        name = waiting.pop()
        if name in needed:
            continue
        needed.add(name)
        named = {node.id for node in ast.walk(nodes[name]) if isinstance(node, ast.Name)}
        waiting += sorted(named & nodes.keys())
    found = [node for name, node in nodes.items() if name in needed]
    return "\n\n\n".join(ast.get_source_segment(text, node) or "" for node in found)


def assembled(
    head: str, imports: Mapping[str, str], constant: str, module: str, wiring: str
) -> str:
    """A snippet: comments, imports, a constant, the functions that the wiring calls, the wiring.

    `imports` are lines by what in the code needs them; `module` is a file of this folder. What the
    code does not use is left out.
    """
    text = (files("normsweep.export") / "snippets" / module).read_text(encoding="utf-8")
    names = [line[4:].split("(")[0] for line in text.splitlines() if line.startswith("def ")]
    parts = functions_of(text, [name for name in names if re.search(rf"\b{name}\(", wiring)])
    code = f"{parts}\n\n\n{wiring}" if parts else wiring
    lines = "\n".join(line for use, line in imports.items() if use in code)
    used = [lines, *([constant] if "WEIGHTS" in code else [])]
    return "\n".join([head, "", "\n\n".join(used), "", "", code, ""])
