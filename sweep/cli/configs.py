"""`sweep export`, `sweep score` and `sweep train`."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Annotated

import typer
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

from normsweep.cli.app import AsJson, NoPlugins, Set, Storage, app, console, notices, print_json
from normsweep.cli.sentences import say
from normsweep.engine.collection import uncollected
from normsweep.errors import UserError
from normsweep.storage.files import write_whole, writing

ConfigFile = Annotated[
    Path, typer.Argument(metavar="CONFIG", help="A config as `sweep export` writes it.")
]
Seed = Annotated[
    int | None,
    typer.Option(min=0, max=2**31 - 1, help="Seed of the training. [dim]Default: the config's[/]"),
]


@app.command("export", epilog="Example:  sweep export digits -o best.toml")
@uncollected()
def export_command(
    study: Annotated[str, typer.Argument(metavar="STUDY", help="Name of the study.")],
    storage: Storage = None,
    trial: Annotated[
        int | None, typer.Option(min=0, help="This trial. [dim]Default: the best[/]")
    ] = None,
    top: Annotated[int, typer.Option(min=1, help="The best so many.")] = 1,
    form: Annotated[
        str | None,
        typer.Option(
            "--format",
            help="toml, json, yaml: the config. optax, pytorch: Python code for your own training. "
            "csv, parquet: all trials, folds and steps, the confirmation's too. "
            "[dim]Default: by the file's ending, else toml[/]",
        ),
    ] = None,
    output: Annotated[
        Path | None,
        typer.Option("-o", "--output", help="File to write. [dim]Default: standard output[/]"),
    ] = None,
) -> None:
    """Export the best config(s) of a study, with where they came from; or as code; or all of it."""
    from normsweep.export.formats import exported, format_of, worse_than_baseline
    from normsweep.export.tables import TABLES
    from normsweep.storage import open_storage
    from normsweep.study.records import load_study

    form = format_of(form, output)
    opened = open_storage(storage, reading=True)
    loaded = load_study(study, opened)
    content = exported(loaded, opened, form, trial=trial, top=top)
    if form not in TABLES and (worse := worse_than_baseline(loaded, trial)) is not None:
        say(f"warning: {worse}", to=notices)
    if output is None:
        # As in a file, whatever the terminal's encoding: a config is to be read again.
        typer.echo(content.encode() if isinstance(content, str) else content, nl=False)
        return
    write_whole(output, content)
    say(f"Wrote {output}.", to=notices)


@app.command("score", epilog="Example:  sweep score best.toml")
def score_command(
    config: ConfigFile,
    seed: Seed = None,
    settings: Set = [],  # noqa: B006 (Typer's way)
    no_plugins: NoPlugins = False,
    as_json: AsJson = False,
) -> None:
    """Train and score an exported config again on all folds, and say whether the bits agree."""
    from normsweep.export.again import score_config
    from normsweep.spec.assignments import assignments
    from normsweep.spec.config import read_config

    loaded = read_config(config, *assignments(settings))
    with _shown(as_json) as (watch, decoding):
        found = score_config(loaded, seed=seed, watch=watch, decoding=decoding)
    if as_json:
        rows = [
            {key: value for key, value in row.plain().items() if key != "trial_id"}
            for row in found.measurements
        ]
        print_json(asdict(found) | {"measurements": rows})
        return
    for fold, score in enumerate(found.fold_scores):
        console.print(f"fold {fold}   {score!r}", highlight=False)
    console.print(
        f"mean     {found.score:.4f} ± {found.standard_error:.4f} at step {found.step}, "
        f"seed {found.seed}",
        highlight=False,
    )
    if found.second_score is not None:
        folds = ", ".join(map(repr, found.second_fold_scores))
        console.print(
            f"{loaded.spec.score.second}   {folds}, mean {found.second_score:.4f}", highlight=False
        )
    if found.identical:
        console.print("[green]Identical[/] to the exported scores, to the last bit.")
    elif found.identical is False:
        console.print("[yellow]Not identical[/] to the exported scores:", highlight=False)
        for name in ("fold_scores", "second_fold_scores"):
            if (stored := loaded.provenance.get(name)) is not None:
                console.print(f"  exported {stored}", highlight=False)
    for difference in found.differences:
        console.print(f"  {difference}", highlight=False, markup=False)


@app.command("train", epilog="Example:  sweep train best.toml -o out")
def train_command(
    config: Annotated[
        Path,
        typer.Argument(
            metavar="CONFIG",
            help="A config of `sweep export`; or a folder of `sweep train`, to go on with.",
        ),
    ],
    output: Annotated[Path, typer.Option("-o", "--output", help="Folder to write, a new one.")],
    steps: Annotated[
        int | None,
        typer.Option(
            min=1,
            help="Steps in all, in chunks as long as they were. [dim]Default: the config's[/]",
        ),
    ] = None,
    seed: Seed = None,
    settings: Set = [],  # noqa: B006 (Typer's way)
    no_plugins: NoPlugins = False,
    as_json: AsJson = False,
) -> None:
    """Train a config on all of its training data: checkpoint, samples, curves and metrics.

    Or go on with what was trained, up to --steps: to the bits of one longer
    training, unless it says what differs.
    """
    from normsweep.export.again import train_config
    from normsweep.export.going_on import read_begun, with_steps
    from normsweep.export.trained import check_folder, save_trained
    from normsweep.spec.assignments import assignments
    from normsweep.spec.config import Config, read_config

    if begun := read_begun(config) if config.is_dir() else None:
        for given, option in ((settings, "--set"), (seed, "--seed")):
            if given not in ([], None):
                raise UserError(
                    f"{option}: {config} is gone on with as it was begun; accepted: --steps"
                )
        if steps is None:
            raise UserError(
                f"{config}: was trained for {begun.steps} steps; --steps says to how many"
            )
        loaded = begun.config
    else:
        loaded = read_config(config, *assignments(settings))
    if steps is not None:
        longer = with_steps(loaded.spec, steps, after=begun.steps if begun else 0)
        # Another config than the one whose scores it came with.
        loaded = loaded if longer == loaded.spec else Config(longer, {})
    check_folder(output)
    with _shown(as_json) as (watch, decoding):
        trained = train_config(loaded.spec, seed=seed, begun=begun, watch=watch, decoding=decoding)
    with writing(output):
        folder = save_trained(trained, loaded, output)
    last = trained.measurements[-1]
    differences = [*begun.differences()] if begun else []
    if as_json:
        found = {"folder": str(folder), "fid": last.fid, "kid": last.kid, "step": last.step}
        went_on = {"from_step": begun.steps, "differences": differences} if begun else {}
        print_json(found | {"seed": trained.seed} | went_on)
        return
    if begun and not differences:
        console.print(f"Went on from step {begun.steps}, to the bits of one longer training.")
    elif begun:
        console.print(f"Went on from step {begun.steps}, not to the bits of one longer training:")
    for difference in differences:
        console.print(f"  {difference}", highlight=False, markup=False)
    console.print(
        f"FID-proxy to its training images {last.fid:.3f}, KID {last.kid:.4f} after {last.step} "
        f"steps.\nWrote {output}: " + ", ".join(sorted(p.name for p in folder.iterdir())),
        markup=False,
        highlight=False,
    )


_Watch = Callable[[int, int], None]


@contextmanager
def _shown(quiet: bool) -> Iterator[tuple[_Watch, _Watch]]:
    """Progress on standard error, of training steps and of pictures, unless JSON was asked for."""
    display = Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.completed:.0f}/{task.total:.0f} {task.fields[of]}"),
        TimeRemainingColumn(),
        console=notices,
        disable=quiet or not notices.is_terminal,
        transient=True,
    )
    with display:
        task = display.add_task("preparing", total=1, of="")

        def show(description: str, of: str, done: int, total: int) -> None:
            display.update(task, description=description, completed=done, total=total, of=of)

        yield partial(show, "training", "steps"), partial(show, "decoding", "pictures")
