"""What the peers share: a search by Optuna around a framework's training, and its confirmation."""

from __future__ import annotations

import time

import numpy as np
import optuna
from optuna.pruners import BasePruner, NopPruner

from bench.peers import Begin, Config, FeatureMap, Fold, Images, PeerResult, Settings
from bench.peers.frechet import frechet_distance

TARGETS = ("generator", "discriminator", "both")


def search(
    begin: Begin,
    images: Images,
    folds: list[Fold],
    features: FeatureMap,
    settings: Settings,
    trials: int,
    storage: str,
    seed: int = 0,
    pruner: BasePruner | None = None,
) -> optuna.Study:
    """Runs a study of `trials` trials by TPE and stores it at the URL `storage`.

    All folds of a trial train side by side, chunk by chunk: the mean of their Fréchet distances is
    what the pruner is told after each chunk but the last, and the score after that.

    Args:
        begin: How a config is trained.
        images: [n, height, width, 1] in [-1, 1].
        folds: Indices to train on and to judge with, one pair a fold.
        features: The feature map of the Fréchet distance.
        settings: What all trials share.
        trials: Number of trials.
        storage: An Optuna storage URL.
        seed: Of the sampler and of all trainings.
        pruner: Of Optuna; None prunes nothing.
    """
    held_out_features = [features(images[held_out]) for _, held_out in folds]

    def objective(trial: optuna.Trial) -> float:
        config = Config(
            trial.suggest_float("strength", settings.lowest, settings.highest, log=True),
            trial.suggest_float("order", 1.0, 2.0),
            trial.suggest_categorical("target", TARGETS),
        )
        train = begin(config)
        training = [
            train(train_indices, seed * len(folds) + number, len(held_out))
            for number, (train_indices, held_out) in enumerate(folds)
        ]
        score = float("nan")
        for chunk, samples in enumerate(zip(*training, strict=True), start=1):
            found = zip(held_out_features, map(features, samples), strict=True)
            score = float(np.mean([frechet_distance(real, fake) for real, fake in found]))
            if chunk < settings.chunks:
                trial.report(score, chunk)
                if trial.should_prune():
                    raise optuna.TrialPruned
        return score

    study = optuna.create_study(
        storage=storage,
        sampler=optuna.samplers.TPESampler(seed=seed),
        pruner=pruner or NopPruner(),
        direction="minimize",
    )
    study.optimize(objective, n_trials=trials)
    return study


def timed_search(
    begin: Begin,
    images: Images,
    folds: list[Fold],
    features: FeatureMap,
    settings: Settings,
    trials: int,
    storage: str,
) -> PeerResult:
    """The same without a pruner, by the clock: from data in memory on, the framework imported."""
    start = time.perf_counter()
    study = search(begin, images, folds, features, settings, trials, storage)
    complete = study.get_trials(deepcopy=False, states=[optuna.trial.TrialState.COMPLETE])
    return PeerResult(len(complete), time.perf_counter() - start, study.best_value)
