"""A worker's populations: the trials in flight, trained chunk by chunk, whatever their programs."""

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from typing import TypeVar

import jax
import numpy as np

from normsweep.data.stored import DataLost
from normsweep.engine.balance import balances_of
from normsweep.engine.compiling import wait_for
from normsweep.engine.devices import local_devices
from normsweep.engine.figures import figures_of
from normsweep.engine.fit import AUTO, fitting_slots, within_reach
from normsweep.engine.population import Chunk, Population, Shared, on_devices
from normsweep.engine.settings import methods_of, program_of
from normsweep.engine.untrained import untrained_features
from normsweep.errors import in_one_line
from normsweep.models.balance import Term
from normsweep.models.member import MemberState
from normsweep.models.method import Method
from normsweep.models.program import Program
from normsweep.score.run import Failed, Run
from normsweep.score.setup import Setup
from normsweep.spec.plugins import fault_of_plugin
from normsweep.spec.space import middle, resolve
from normsweep.spec.spec import Spec
from normsweep.storage.retry import is_outage

_OF_A_TRIAL = ("RESOURCE_EXHAUSTED", "INVALID_ARGUMENT", "UNIMPLEMENTED")
"""How XLA's errors begin that depend on what it was given to run."""

_OF_NUMBERS = (ArithmeticError, np.linalg.LinAlgError)
"""What a judge raises of samples that are past what it can compute with, at every try."""

R = TypeVar("R", bound=Run)
Slots = Sequence[Run | None]


@dataclass
class Training:
    """What a worker has on its devices.

    `seconds` is the time spent there, compilation included; `programs` are all that were needed.
    """

    spec: Spec
    setup: Setup
    seconds: float = 0.0
    programs: set[Program] = field(default_factory=set)
    _shared: Shared | None = None
    _populations: dict[Program, Population] = field(default_factory=dict)
    _methods: dict[str | None, tuple[Method, ...]] = field(default_factory=dict)

    @cached_property
    def slots(self) -> int:
        """The trials in training at a time: what the spec says, or as many as fit."""
        asked = self.spec.study.slots
        if asked != AUTO:
            return int(asked)
        config, method = resolve(self.spec, lambda path, asked: middle(asked))
        setup = self.setup
        methods = self.methods(method)
        program = program_of(
            config, setup.image_shape, setup.samples, methods, classes=setup.classes
        )
        shared = self._on_host
        most = self.spec.study.trials + 1
        return fitting_slots(program, setup.features, shared, local_devices(), most)

    @cached_property
    def _on_host(self) -> Shared:
        return within_reach(self.setup.shared(self.spec.study.seed), local_devices())

    def advance(self, slots: Sequence[R | None]) -> Iterator[tuple[int, R, Chunk]]:
        """Trains every run that has no end for one chunk, program by program, and judges it.

        Yields slots, runs and what their programs found. A run whose user's file raises fails, or
        begins anew, and is not yielded. Raises what `is_of_no_trial`.
        """
        going = [run if run is not None and run.end is None else None for run in slots]
        for program in dict.fromkeys(run.program for run in going if run is not None):
            runs = [run if run and run.program == program else None for run in going]
            started = time.monotonic()
            chunk = None
            with self.heeding_faults([run for run in runs if run is not None]):
                chunk = self._population(program).advance(
                    [None if run is None else run.hyperparameters for run in runs],
                    [run is not None and run.chunks == 0 for run in runs],
                )
                self.setup.dataset.check_read()
            self.seconds += time.monotonic() - started
            for slot, run in enumerate(runs):
                if chunk is not None and run is not None:
                    try:
                        run.judge(self.setup, chunk, slot)
                    except Exception as error:
                        if is_of_no_trial(error):
                            raise
                        raised = not isinstance(error, _OF_NUMBERS)
                        run.end = Failed(in_one_line(error), raised)
                    yield slot, run, chunk

    @contextmanager
    def heeding_faults(self, runs: Sequence[Run]) -> Iterator[None]:
        """Makes what is raised in training a matter of the runs that are trained.

        By a user's file, or for a network that the memory does not hold. The trials share a
        program, which holds the methods of others too: they begin anew, each in a program that
        holds its own alone. Whoever is alone already has failed. Raises what `is_of_no_trial`.
        """
        try:
            yield
        except Exception as error:
            if is_of_no_trial(error):
                raise
            reason = fault_of_plugin(error) or in_one_line(error)
            program = runs[0].program
            # Its members' states went with the call.
            self._populations.pop(program, None)
            for method, methods in self._methods.items():
                if methods == program.methods:
                    self._methods[method] = ()
            for run in runs:
                if len(program.methods) == 1:
                    run.end = Failed(reason, raised=True)
                else:
                    run.begin_alone(self.setup)

    def untrained(self, run: Run) -> Iterator[tuple[np.ndarray, np.ndarray | None]]:
        """As `untrained_features`, for the members of a run. Raises `DataLost`."""
        found = untrained_features(
            run.program, self.setup.features, run.hyperparameters, self._on_devices()
        )
        for of_fold in found:
            self.setup.dataset.check_read()
            yield of_fold

    def balances(self, run: Run, slot: int, terms: tuple[Term, ...]) -> list[dict[str, np.ndarray]]:
        """As `balances_of`, for the members of a run in a slot. Raises `DataLost`."""
        state, shared = self.state_of(run, slot), self._on_devices()
        found = balances_of(run.program, terms, state, run.hyperparameters, shared)
        self.setup.dataset.check_read()
        return found

    def figures(self, run: Run, slot: int) -> dict[str, np.ndarray]:
        """As `figures_of`, for the members of a run in a slot. Raises `DataLost`."""
        state, shared = self.state_of(run, slot), self._on_devices()
        found = figures_of(run.program, state, run.hyperparameters, shared)
        self.setup.dataset.check_read()
        return found

    def state_of(self, run: Run, slot: int) -> MemberState:
        """The states of a trial's members, copied off the devices."""
        return self._population(run.program).state_of(slot)

    def put_state(self, run: Run, slot: int, state: MemberState) -> None:
        """Sets them, as `state_of` gave them."""
        self._population(run.program).put_state(slot, state)

    def like(self, run: Run) -> MemberState:
        """What `state_of` gives, as shapes and dtypes."""
        return self._population(run.program).like()

    def keep_needed(self, slots: Slots) -> None:
        """Gives the memory of programs back that no trial in flight needs; they stay compiled."""
        needed = {run.program for run in slots if run is not None}
        self._populations = {p: each for p, each in self._populations.items() if p in needed}

    def methods(self, method: str | None) -> tuple[Method, ...]:
        """The methods that the program of a run holds, which chose `method`."""
        # Under vmap every member would run all of them: there a program holds one method alone.
        if local_devices()[0].platform != "cpu":
            return ()
        if method not in self._methods:
            self._methods[method] = methods_of(
                self.spec, method, self.setup.image_shape, self.setup.classes
            )
        return self._methods[method]

    def _on_devices(self) -> Shared:
        if self._shared is None:
            # Once for all programs: the images may take more memory than all else.
            self._shared = on_devices(self._on_host, local_devices())
        return self._shared

    def _population(self, program: Program) -> Population:
        self.programs.add(program)
        if self.setup.ahead is not None:
            wait_for(self.setup.ahead, program)
        if program not in self._populations:
            self._populations[program] = Population(
                program,
                self.setup.features,
                self._on_devices(),
                self.slots,
                local_devices(),
            )
        return self._populations[program]


def is_of_no_trial(error: Exception) -> bool:
    """Whether the database, the data or the machine is at fault: any trial would meet it."""
    return is_outage(error) or isinstance(error, DataLost) or _is_machine_fault(error)


def _is_machine_fault(error: Exception) -> bool:
    """Whether XLA says so of its device, and not of a user's file that a program calls back."""
    if not isinstance(error, jax.errors.JaxRuntimeError) or fault_of_plugin(error) is not None:
        return False
    return not str(error).startswith(_OF_A_TRIAL)
