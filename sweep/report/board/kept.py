"""The note of a study where the Optuna dashboard keeps it, among the study's system attributes.

Its own `get_note` and `save_note` do the same; to import them takes longer than all that a launch
trains with, since pandas and scikit-learn come along.
"""

import optuna

_VERSION, _PART = "dashboard:note_ver", "dashboard:note_str:"
_LONGEST = 2045
"""Characters of a part."""


def kept_note(study: optuna.Study) -> str:
    """The note of a study, as Markdown; "" where it has none."""
    parts = _parts(study)
    return "".join(parts[f"{_PART}{index}"] for index in range(len(parts)))


def keep_note(study: optuna.Study, note: str) -> None:
    """Writes the note of a study in place of the one before."""
    parts = [note[at : at + _LONGEST] for at in range(0, len(note), _LONGEST)]
    # An attribute cannot be removed.
    parts += [""] * (len(_parts(study)) - len(parts))
    storage, number = study._storage, study._study_id
    version = storage.get_study_system_attrs(number).get(_VERSION, 0) + 1
    storage.set_study_system_attr(number, _VERSION, version)
    for index, part in enumerate(parts):
        storage.set_study_system_attr(number, f"{_PART}{index}", part)


def _parts(study: optuna.Study) -> dict[str, str]:
    attributes = study._storage.get_study_system_attrs(study._study_id)
    return {key: value for key, value in attributes.items() if key.startswith(_PART)}
