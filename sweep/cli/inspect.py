"""`sweep list` and `sweep show`."""

from typing import TYPE_CHECKING, Annotated

import typer

from normsweep.cli.app import AsJson, Storage, app, counts_shown, print_json
from normsweep.cli.sentences import say
from normsweep.cli.tables import print_table
from normsweep.engine.collection import uncollected

if TYPE_CHECKING:
    from optuna import Study
    from optuna.storages import RDBStorage


@app.command("list", epilog="Example:  sweep list --storage sqlite:///studies.db")
@uncollected()
def list_command(storage: Storage = None, as_json: AsJson = False) -> None:
    """List the studies of a storage."""
    from normsweep.storage import open_storage
    from normsweep.storage.connect import storage_url
    from normsweep.storage.urls import shown
    from normsweep.study.overview import overview

    entries = overview(open_storage(storage, reading=True))
    if as_json:
        print_json([entry.__dict__ for entry in entries])
        return
    if not entries:
        say(f"{shown(storage_url(storage))} holds no studies.")
        return
    from normsweep.verdict.words import metric_name

    rows, counted = [], counts_shown(entries)
    for entry in entries:
        scores = ("–" if s is None else f"{s:.3f}" for s in (entry.best, entry.baseline))
        counts = (str(getattr(entry, column)) for column in counted)
        # The scores are by the first metric.
        first, *others = map(metric_name, entry.metrics or ("–",))
        beside = f" (beside {others[0]})" if others else ""
        rows.append((entry.study, *counts, *scores, first + beside))
    titles = ("study", *counted, "best", "baseline", "by")
    print_table(titles, rows, words=("study", "by"))


@app.command("show", epilog="Example:  sweep show digits")
@uncollected()
def show_command(
    study: Annotated[str, typer.Argument(metavar="STUDY", help="Name of the study.")],
    storage: Storage = None,
    top: Annotated[int, typer.Option(min=1, help="How many trials of the ranking.")] = 10,
    as_json: AsJson = False,
) -> None:
    """Show one study: the verdict, baseline, ranking, best config, λ profile, warnings."""
    from normsweep.cli.answers import print_answer, storage_option
    from normsweep.cli.scales import print_scales
    from normsweep.storage import open_storage
    from normsweep.study.records import load_study
    from normsweep.verdict.answers import answer
    from normsweep.verdict.reading import read_confirmation
    from normsweep.verdict.scaled import read_scales

    opened = open_storage(storage, reading=True)
    loaded = load_study(study, opened)
    found, confirmed = answer(loaded), read_confirmation(loaded, opened)
    scales = read_scales(loaded, opened)
    if as_json:
        from normsweep.cli.as_json import answer_as_json

        option = storage_option(storage)
        print_json(answer_as_json(found, confirmed, option=option, scales=scales))
    else:
        left = _left(loaded, opened, storage_option(storage))
        print_answer(found, storage, confirmed=confirmed, shown=top, left=left)
        print_scales(scales, found.spec.score.metric)


def _left(study: "Study", storage: "RDBStorage", option: str) -> str | None:
    """How far a search is that nobody is at work on, and what goes on with it; None for others."""
    from normsweep.study.attributes import OPEN
    from normsweep.study.control import control
    from normsweep.study.status import is_left
    from normsweep.study.tally import tally_of

    found, _ = tally_of(study, study.get_trials(deepcopy=False))
    if not found.open or not is_left(study, storage):
        return None
    name = f"{study.study_name}{option}"
    open_it = "" if control(study) == OPEN else f"sweep resume {name} && "
    return (
        f"{found.ended} of {found.ended + found.open} trials are done, and no worker is at work on "
        f"the others. Go on with:  {open_it}sweep worker {name}"
    )
