"""`sweep launch --dry-run`: what a study takes."""

from typing import TYPE_CHECKING

from normsweep.cli.app import console, print_json

if TYPE_CHECKING:
    from normsweep.spec import Spec


def print_estimate(spec: "Spec", workers: int, *, as_json: bool) -> None:
    """Prints what the study of a spec takes, of programs, memory and time."""
    from normsweep.cli import schema
    from normsweep.cli.watching import watching
    from normsweep.data.memory import free_memory, gigabytes
    from normsweep.engine.devices import device_names, use_all_cores
    from normsweep.score.estimate import STEPS, estimate, in_words
    from normsweep.score.setup import prepare
    from normsweep.spec.auto import provisional
    from normsweep.spec.space import check_ranges

    known = provisional(spec)
    check_ranges(known)
    use_all_cores()
    with watching(quiet=as_json) as shown:
        setup = prepare(known, shown.pictures)
        found = estimate(spec, setup)
    if as_json:
        names = schema.DryRun.model_fields.keys() - {"version", "total"}
        fields = {name: getattr(found, name) for name in names}
        print_json(schema.DryRun(**fields, total=found.seconds).model_dump())
        return
    several = "" if workers == 1 else f" each, {workers} workers"
    steps = f"{found.step * 1e3:.3g} ms a step of all of them, measured on {STEPS}"
    seeds = spec.confirm.seeds
    confirmation = (
        f"{in_words(found.confirmation)}, by {seeds} seeds at most"
        if seeds
        else "none: confirm.seeds is 0"
    )
    lines = {
        "programs": f"{found.programs}{' or more' if found.at_least else ''}, "
        f"{in_words(found.compiling)} to compile one that is not kept",
        "members": f"{found.members} at a time, {found.slots} trials of {found.folds} folds, "
        f"on {device_names()}",
        "memory": f"about {gigabytes(found.memory)}{several}; {gigabytes(free_memory())} is free",
        "step": steps,
        "search": f"{in_words(found.search)}, {found.trials} trials with the baseline",
        "confirmation": confirmation,
        "in all": f"{in_words(found.seconds)}, {found.core_hours:.2g} core-hours",
    }
    if found.measuring:
        lines["ranges"] = f"{in_words(found.measuring)} to measure them"
    for name, text in lines.items():
        console.print(f"{name:<13} {text}", markup=False, highlight=False, soft_wrap=True)
