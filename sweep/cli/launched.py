"""What a launch found, in the terminal or as JSON, once its note is written."""

from normsweep.cli.answers import print_answer, storage_option
from normsweep.cli.app import print_json
from normsweep.report.board.study_note import write_study_note
from normsweep.storage import open_storage
from normsweep.verdict.answers import answer
from normsweep.verdict.reading import read_confirmation
from normsweep.worker.launch import Launched


def tell(launched: Launched, storage: str | None, *, as_json: bool) -> None:
    """Writes the note of the study that was launched, and prints its answer."""
    found, opened = answer(launched.study), open_storage(storage)
    confirmed = read_confirmation(launched.study, opened)
    write_study_note(launched.study, opened, found)
    opened.engine.dispose()
    if as_json:
        from normsweep.cli.as_json import answer_as_json

        option = storage_option(storage)
        print_json(answer_as_json(found, confirmed, launched.done, option=option))
    else:
        print_answer(found, storage, confirmed=confirmed)
