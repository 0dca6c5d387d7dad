"""What `--json` prints of answers and confirmations: plain data, numbers in full."""

from collections.abc import Iterable
from typing import Any

from normsweep.cli import schema
from normsweep.verdict.answers import Answer, Ranked
from normsweep.verdict.headline import headline, verdict_headline
from normsweep.verdict.reading import Confirmation, Confirmed, plan_of
from normsweep.verdict.scaled import Scale
from normsweep.verdict.statistics.looks import looks
from normsweep.verdict.wording import details, verdict_sentence


def answer_as_json(
    found: Answer,
    confirmed: Confirmation | None = None,
    done: bool | None = None,
    *,
    option: str = "",
    scales: Iterable[Scale] = (),
) -> dict[str, Any]:
    """An answer; with `done`, which says whether nothing is left to train, that of a launch.

    `option` names the storage in commands, with a space in front. `scales` are what became of its
    configs at others.
    """
    fields = {
        "study": found.study,
        "configs_of": found.scaled
        and schema.ConfigsOf(study=found.scaled["of"], values=found.scaled["values"]),
        "scales": [
            schema.Scale(
                study=scale.study,
                values=dict(scale.values),
                confirmation=_confirmation(scale.confirmed),
            )
            for scale in scales
        ],
        "headline": schema.Headline.model_validate(headline(found, confirmed, option)),
        "references": schema.References(
            real=_scores(found, "real"), untrained=_scores(found, "untrained")
        ),
        "confirmation": _confirmation(confirmed),
        "metric": found.spec.score.metric,
        "counts": found.counts,
        "baseline": _trial(found.baseline),
        "best": _trial(found.best),
        "difference": found.difference,
        "second_metric": found.spec.score.second,
        "front": [_trial(entry) for entry in found.front],
        "best_per_kind": {
            kind: schema.BestOfKind(**_fields(entry), trials=found.trials_per_kind[kind])
            for kind, entry in found.best_per_kind.items()
        },
        "best_per_target": {
            target: _trial(entry) for target, entry in found.best_per_target.items()
        },
        "ranking": [_trial(entry) for entry in found.ranking],
        "warnings": found.warnings,
        "failures": {str(trial): reason for trial, reason in found.failures.items()},
        "collapses": {str(trial): why for trial, why in found.collapses.items()},
        "infeasible": {str(trial): why for trial, why in found.infeasible.items()},
        "stopped_by_itself": found.stopped_by_itself,
        "feature_accuracy": found.feature_accuracy,
        "measured_ranges": {
            path: schema.MeasuredRange.model_validate(measured)
            for path, measured in found.auto.items()
        },
        "spec": found.spec.plain(),
    }
    shown = schema.Show(**fields) if done is None else schema.Launch(**fields, done=done)
    return shown.model_dump()


def confirmation_as_json(found: Confirmation | None, done: bool) -> dict[str, Any]:
    """A confirmation, or None where there is none, and whether nothing is left to train."""
    return schema.Confirm(
        headline=None if found is None else schema.Headline.model_validate(verdict_headline(found)),
        confirmation=_confirmation(found),
        done=done,
    ).model_dump()


def _scores(found: Answer, reference: str) -> list[float] | None:
    scores = found.references.get(reference)
    return None if scores is None else list(scores)


def _trial(entry: Ranked | None) -> schema.Trial | None:
    return None if entry is None else schema.Trial(**_fields(entry))


def _fields(entry: Ranked) -> dict[str, Any]:
    return {
        "trial": entry.number,
        "score": entry.score,
        "standard_error": entry.standard_error,
        "fold_scores": entry.fold_scores,
        "step": entry.step,
        "kind": entry.kind,
        "second_score": entry.second,
        "second_fold_scores": entry.second_fold_scores,
        "parameters": entry.parameters,
        "recorded": entry.recorded,
        "penalty": entry.penalty(),
        "config": entry.config.plain(),
    }


def _confirmation(found: Confirmation | None) -> schema.Confirmation | None:
    if found is None:
        return None
    look = found.final
    return schema.Confirmation(
        verdict=found.verdict,
        sentence=verdict_sentence(found),
        details=list(details(found)),
        missing=found.missing,
        seeds=found.seeds,
        look=found.look,
        looks=list(looks(plan_of(found.planned))),
        smallest=found.smallest,
        futile=found.futile,
        replicates=0 if found.planned is None else found.planned.replicates,
        best=found.best.trial.number,
        candidates=[_candidate(entry) for entry in found.candidates],
        beyond=[_beyond(entry) for entry in found.beyond],
        final=None
        if look is None
        else schema.FinalLook(
            name=look.name,
            scores=look.scores.tolist(),
            baseline_scores=look.baseline_scores.tolist(),
            difference=look.estimate,
            diverged=look.diverged,
        ),
    )


def _beyond(entry: Confirmed) -> schema.Beyond:
    return schema.Beyond(
        trial=entry.trial.number,
        seeds=len(entry.scores),
        score=entry.score,
        baseline_score=entry.baseline_score,
        difference=None if entry.effect is None else entry.effect.estimate,
        diverged=entry.diverged,
    )


def _candidate(entry: Confirmed) -> schema.Candidate:
    return schema.Candidate(
        trial=entry.trial.number,
        kind=entry.trial.kind,
        against=entry.against,
        search_score=entry.trial.score,
        score=entry.score,
        baseline_score=entry.baseline_score,
        lead=entry.lead,
        search_lead=entry.search_lead,
        scores=entry.scores.tolist(),
        baseline_scores=entry.baseline_scores.tolist(),
        effect=entry.effect,
        last=entry.last,
        last_scores=entry.last_scores,
        stopped=entry.stopped,
        stopped_scores=entry.stopped_scores,
        stopped_steps=entry.stopped_steps,
        diverged=entry.diverged,
        own_diverged=entry.own_diverged,
        baseline_diverged=entry.baseline_diverged,
    )
