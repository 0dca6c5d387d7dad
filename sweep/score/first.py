"""The program that a study begins with, compiled while the study is made ready."""

from contextlib import suppress
from functools import partial

from normsweep.data import Dataset
from normsweep.engine.ahead import Ahead
from normsweep.engine.devices import local_devices
from normsweep.engine.fit import AUTO
from normsweep.engine.population import Features, Shared, compile_chunk
from normsweep.engine.settings import methods_of, program_of
from normsweep.spec.baseline import baseline
from normsweep.spec.spec import Spec


def compile_first(
    ahead: Ahead, spec: Spec, dataset: Dataset, samples: int, shared: Shared, features: Features
) -> None:
    """Has the program of a study's baseline compiled, which is its first trial.

    Of what is `shared`, shapes and dtypes will do. Nothing is, where other things are to be known
    first: how many slots fit, and on an accelerator whether it holds the images.
    """
    devices, slots = local_devices(), spec.study.slots
    if slots == AUTO or devices[0].platform != "cpu":
        return
    height, width, channels = dataset.images.shape[1:]
    shape, classes = (height, width, channels), dataset.class_count
    # A trial that cannot be trained says so when it is begun.
    with suppress(Exception):
        methods = methods_of(spec, None, shape, classes)
        program = program_of(baseline(spec), shape, samples, methods, classes=classes)
        ahead.begin(program, partial(compile_chunk, program, features, shared, int(slots), devices))
