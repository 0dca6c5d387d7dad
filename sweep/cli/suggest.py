"""`sweep suggest`."""

import math
from typing import TYPE_CHECKING, Annotated, Any

import typer

from normsweep.cli.app import AsJson, NoPlugins, Set, Storage, app, console, print_json
from normsweep.cli.sentences import say
from normsweep.errors import UserError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from normsweep.spec.auto import AutoRange
    from normsweep.verdict.suggestions import Suggestion


@app.command("suggest", epilog="Example:  sweep suggest mnist --measure")
def suggest_command(
    spec: Annotated[
        str, typer.Argument(metavar="SPEC", help="A TOML file, or the name of a built-in study.")
    ],
    storage: Storage = None,
    measure: Annotated[
        bool,
        typer.Option(
            "--measure", help='Train a part of the baseline for the ranges that "auto" takes.'
        ),
    ] = False,
    settings: Set = [],  # noqa: B006 (Typer's way)
    no_plugins: NoPlugins = False,
    as_json: AsJson = False,
) -> None:
    """Say what is known before any training: rules of thumb, and what earlier studies found.

    A spec with study.begin = "suggested" begins with these as its first trials.
    """
    from normsweep.cli.watching import watching
    from normsweep.engine.devices import use_all_cores
    from normsweep.score.auto import measured_ranges
    from normsweep.score.setup import prepare
    from normsweep.spec import load_spec
    from normsweep.spec.assignments import assignments
    from normsweep.spec.auto import auto_fields, provisional, with_auto, with_ranges
    from normsweep.spec.images import load_images
    from normsweep.spec.space import check_ranges
    from normsweep.verdict.suggestions import Images, by_rules, by_studies

    loaded = load_spec(spec, *assignments(settings))
    known = provisional(loaded)
    check_ranges(known)
    asked = with_auto(loaded)
    if measure and not auto_fields(asked):
        raise UserError(
            "--measure: no strength and no radius of the spec is searched; accepted: "
            'penalty.strength = "auto", or a range'
        )
    ranges = None
    with watching(quiet=as_json) as shown:
        if measure:
            use_all_cores()
            setup = prepare(known, shown.pictures)
            dataset = setup.dataset
            ranges = measured_ranges(asked, setup, shown.measuring)
            loaded = with_ranges(loaded, ranges)
        else:
            dataset = load_images(known.data, shown.pictures)
    pixels = math.prod(dataset.images.shape[1:3])
    images = Images(pixels, dataset.fingerprint)
    rules = by_rules(loaded, images)
    opened = _opened(storage)
    studies = [] if opened is None else by_studies(loaded, images, opened)
    if as_json:
        print_json(_as_json(pixels, rules, studies, ranges))
        return
    _print("Rules of thumb", rules, "none for what this spec searches")
    _print("Earlier studies", studies, "none of this family that found anything")
    if fields := auto_fields(asked):
        console.print('\n[bold]Ranges of "auto"[/]')
        if ranges is None:
            told = f"{', '.join(fields)}: measured with --measure"
            say(f"  {told}")
        else:
            _print_ranges(ranges)


def _opened(storage: str | None) -> Any:
    """The storage, None where there is none yet and none was named."""
    from normsweep.storage import open_storage
    from normsweep.storage.connect import DEFAULT_STORAGE, storage_url

    try:
        return open_storage(storage, reading=True)
    except UserError:
        if storage_url(storage) == DEFAULT_STORAGE:
            return None
        raise


def _print(title: str, suggestions: "list[Suggestion]", none: str) -> None:
    console.print(f"\n[bold]{title}[/]")
    for each in suggestions:
        say(f"  {each.why}")
        fits = "fits" if each.unfit is None else f"left out: {each.unfit}"
        say((f"    {each.source}; {fits}", "dim"))
    if not suggestions:
        say(f"  {none}")


def _print_ranges(ranges: "Mapping[str, AutoRange]") -> None:
    from normsweep.spec.auto import told

    for path, found in ranges.items():
        for line in told(path, found):
            say(f"  {line}")


def _as_json(
    pixels: int,
    rules: "list[Suggestion]",
    studies: "list[Suggestion]",
    ranges: "Mapping[str, AutoRange] | None",
) -> dict[str, Any]:
    from normsweep.cli import schema

    return schema.Suggest(
        pixels=pixels,
        rules=[schema.Suggestion.model_validate(each) for each in rules],
        studies=[schema.Suggestion.model_validate(each) for each in studies],
        measured_ranges=None
        if ranges is None
        else {path: schema.MeasuredRange.model_validate(found) for path, found in ranges.items()},
    ).model_dump()
