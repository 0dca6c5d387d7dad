"""`sweep log`."""

from typing import Annotated

import typer

from normsweep.cli.app import AsJson, Files, Storage, app, console, print_json


@app.command("log", epilog="Example:  sweep log digits --to tensorboard:runs")
def log_command(
    study: Annotated[str, typer.Argument(metavar="STUDY", help="Name of the study.")],
    to: Annotated[
        list[str],
        typer.Option(
            metavar="DESTINATION",
            help="tensorboard:DIR, mlflow:URI or wandb:PROJECT. May be given several times.",
        ),
    ],
    storage: Storage = None,
    files: Files = None,
    as_json: AsJson = False,
) -> None:
    """Log a study to TensorBoard, MLflow or Weights & Biases, as launch --log-to does.

    A run for each trial and each training of the confirmation, with its
    settings, curves, scores and samples; and one for the study, with its
    verdict. Called again it adds what is new.
    """
    from normsweep.export.trackers import log_study
    from normsweep.storage import open_storage
    from normsweep.study.records import load_study

    opened = open_storage(storage, reading=True)
    loaded = load_study(study, opened)
    destinations = log_study(loaded, opened, to, files=files)
    if as_json:
        # Nothing else of this command needs the models.
        from normsweep.cli import schema

        logged = schema.Log(study=loaded.study_name, destinations=destinations)
        print_json(logged.model_dump())
        return
    for shown in destinations:
        console.print(
            f"Logged {loaded.study_name} to {shown}.", markup=False, highlight=False, soft_wrap=True
        )
