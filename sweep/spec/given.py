"""A spec as its user would have written it: without what is said by default."""

from typing import Any

from normsweep.spec.fields import default
from normsweep.spec.spec import Spec


def given(spec: Spec) -> dict[str, dict[str, Any]]:
    """The tables of a spec without the fields at their defaults, and without tables left empty.

    The name stays, whatever it is: a study is called by it.
    """
    found = {}
    for section, table in spec.plain().items():
        if section not in ("methods", "coefficients"):
            table = {
                field: value
                for field, value in table.items()
                if (section, field) == ("study", "name")
                or value != _plain(default(f"{section}.{field}"))
            }
        if table:
            found[section] = table
    return found


def _plain(value: Any) -> Any:
    return list(value) if isinstance(value, tuple) else value
