"""A study as an experiment of MLflow, with a run for each trial."""

import os
from collections.abc import Iterator
from datetime import datetime
from itertools import chain
from pathlib import Path
from tempfile import TemporaryDirectory
from time import time
from typing import Any, ClassVar, TypeVar

from normsweep.errors import UserError
from normsweep.export.trackers.entry import OF_STUDY, Entry
from normsweep.storage.urls import without_secrets

_NAME, _IDENTITY, _WHOLE = "sweep.entry", "sweep.identity", "sweep.whole"
_MOST_NUMBERS, _MOST_SETTINGS = 1000, 100
"""Of one request: mlflow.org/docs/latest/rest-api.html, "Log Batch"."""
_LONGEST = 5000
"""Characters of a tag, and of a parameter."""

Numbers = dict[tuple[str, int], float]
T = TypeVar("T")


class MLflow:
    """Adds to the runs of an experiment what they do not have yet, by MLflow's own client."""

    accepted: ClassVar[str] = "mlflow:URI"
    takes_unended = True

    def __init__(self, where: str) -> None:
        # By its own defaults a server that is away is asked for minutes.
        os.environ.setdefault("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "2")
        os.environ.setdefault("MLFLOW_HTTP_REQUEST_TIMEOUT", "20")
        try:
            from mlflow import MlflowClient
            from mlflow.exceptions import MlflowException
        except ImportError as error:
            raise UserError(
                "log to mlflow: needs MLflow's client, which is not installed: "
                "pip install 'normsweep[mlflow]'"
            ) from error
        where = where or os.environ.get("MLFLOW_TRACKING_URI", "")
        if not where:
            raise UserError(
                "log to mlflow: names no server, nor does MLFLOW_TRACKING_URI; accepted: "
                "mlflow:URI, such as mlflow:http://127.0.0.1:5000"
            )
        self.shown = without_secrets(f"mlflow:{where}")
        self.faults: tuple[type[Exception], ...] = (MlflowException, OSError)
        self._runs: dict[str, Any] = {}
        self._there: dict[str, Numbers] = {}
        self._experiment: str | None = None
        try:
            self._client = MlflowClient(tracking_uri=where)
            self._client.search_experiments(max_results=1)
        # Of MLflow, of requests, or of a database's driver that is not there.
        except Exception as error:
            told = without_secrets(str(error).splitlines()[0])
            raise UserError(f"log to {self.shown}: cannot be used: {told}") from error

    def write(self, entry: Entry) -> None:
        """Adds what is new of an entry to its run, which is made where there is none."""
        if self._experiment is None:
            self._experiment = self._opened(entry)
        run = self._runs.get(entry.name)
        if run is None:
            run = self._runs[entry.name] = self._made(entry, self._experiment)
        elif _WHOLE in run.data.tags:
            return
        if entry.name not in self._there:
            self._add_settings(run.info.run_id, entry)
            self._there[entry.name] = self._held(run)
        self._add_numbers(run.info.run_id, entry, self._there[entry.name])
        if entry.ended or entry.name == OF_STUDY:
            self._finish(run.info.run_id, entry)

    def close(self) -> None:
        """Nothing is open."""

    def _opened(self, entry: Entry) -> str:
        """The experiment, made where there is none, with the runs that it has of the study."""
        found = self._client.get_experiment_by_name(entry.of)
        if found is None:
            return str(self._client.create_experiment(entry.of))
        if found.lifecycle_stage != "active":
            raise UserError(
                f"log to {self.shown}: its experiment {entry.of!r} was deleted; accepted once "
                "it is restored, or deleted for good (`mlflow gc`)"
            )
        of_study, token = f"tags.`{_IDENTITY}` = '{entry.identity}'", None
        while True:
            page = self._client.search_runs([found.experiment_id], of_study, page_token=token)
            self._runs |= {run.data.tags[_NAME]: run for run in page}
            if not (token := page.token):
                return str(found.experiment_id)

    def _made(self, entry: Entry, experiment: str) -> Any:
        tags = {_NAME: entry.name, _IDENTITY: entry.identity, "mlflow.runName": entry.name}
        began = None if entry.began is None else _milliseconds(entry.began)
        return self._client.create_run(experiment, start_time=began, tags=tags)

    def _add_settings(self, run: str, entry: Entry) -> None:
        """The same once more changes nothing."""
        from mlflow.entities import Param

        parameters = [Param(name, str(each)[:_LONGEST]) for name, each in entry.config.items()]
        for some in _portions(parameters, _MOST_SETTINGS):
            self._client.log_batch(run, params=some)

    def _held(self, run: Any) -> Numbers:
        """What a run has that another call made."""
        history = (
            self._client.get_metric_history(run.info.run_id, key) for key in run.data.metrics
        )
        return {(each.key, each.step): each.value for each in chain.from_iterable(history)}

    def _add_numbers(self, run: str, entry: Entry, there: Numbers) -> None:
        from mlflow.entities import Metric

        now = int(1000 * time())
        for numbers in _portions([*_new_numbers(entry, there)], _MOST_NUMBERS):
            metrics = [Metric(name, value, now, step) for (name, step), value in numbers]
            self._client.log_batch(run, metrics=metrics)
            there.update(numbers)

    def _finish(self, run: str, entry: Entry) -> None:
        """Adds texts and pictures, and what became of it."""
        with TemporaryDirectory() as folder:
            for name, content in (entry.texts | entry.pictures).items():
                data = content if isinstance(content, bytes) else content.encode()
                Path(folder, name).write_bytes(data)
            if entry.texts or entry.pictures:
                self._client.log_artifacts(run, folder)
        for name, value in entry.tags.items():
            self._client.set_tag(run, f"sweep.{name}", value[:_LONGEST])
        over = None if entry.over is None else _milliseconds(entry.over)
        self._client.set_terminated(run, "FAILED" if entry.failed else "FINISHED", over)
        if entry.ended:
            self._client.set_tag(run, _WHOLE, "yes")


def _new_numbers(entry: Entry, there: Numbers) -> Iterator[tuple[tuple[str, int], float]]:
    for step, values in sorted(entry.curves.items()):
        for name, value in values.items():
            # What a study says after so many seeds may change with what is confirmed beside it.
            if there.get((name, step)) != value:
                yield (name, step), value


def _portions(values: list[T], size: int) -> Iterator[list[T]]:
    return (values[begin : begin + size] for begin in range(0, len(values), size))


def _milliseconds(moment: datetime) -> int:
    """Of Optuna's times, which are the machine's without their zone."""
    return int(1000 * moment.timestamp())
