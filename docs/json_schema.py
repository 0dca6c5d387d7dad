"""Writes docs/*.schema.json: what `sweep show --json` and its like print, as JSON Schema.

Run `python docs/json_schema.py` after a change of `sweep/cli/schema.py`; a test fails while they
differ.
"""

import json
from pathlib import Path

from pydantic.json_schema import GenerateJsonSchema

from normsweep.cli.schema import PRINTED


class _WithoutTitles(GenerateJsonSchema):
    """A field's title would be its name once more."""

    def field_title_should_be_set(self, schema: object) -> bool:
        return False


def schemas() -> dict[str, str]:
    """Each file's name and text."""
    names = {command: command.replace(" --", "-").replace(" ", "-") for command in PRINTED}
    return {f"{name}.schema.json": _text(command) for command, name in names.items()}


def _text(command: str) -> str:
    schema = PRINTED[command].model_json_schema(
        mode="serialization", schema_generator=_WithoutTitles
    )
    schema["title"] = f"sweep {command} --json"
    # Readers look for the dialect at the top.
    schema = {"$schema": GenerateJsonSchema.schema_dialect} | schema
    return json.dumps(schema, indent=2, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    for name, text in schemas().items():
        (Path(__file__).parent / name).write_text(text, encoding="utf-8")
