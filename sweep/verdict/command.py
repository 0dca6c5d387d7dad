"""The command that takes away the config that the verdict is about."""

from normsweep.verdict.answers import Answer
from normsweep.verdict.reading import Confirmation


def export_command(
    found: Answer, confirmed: Confirmation | None, option: str = ""
) -> tuple[str, str]:
    """`sweep export` of the confirmed best, else of the search's best; and what that writes.

    `option` names the storage, with a space in front.
    """
    command = f"sweep export {found.study}{option}"
    best = None if found.best is None else found.best.number
    if confirmed is None or confirmed.best.trial.number == best:
        return f"{command} -o best.toml", "the best config as a file"
    number = confirmed.best.trial.number
    return f"{command} --trial {number} -o best.toml", "the verdict's config as a file"
