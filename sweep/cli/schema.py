"""What `--json` prints: the models that it is built from, and docs/*.schema.json too.

A field that is added leaves `version` as it is; one that goes, or changes its meaning, raises it.
"""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, WithJsonSchema

from normsweep.objectives.distances import SCORES
from normsweep.objectives.distances.contract import HIGHER, ZERO
from normsweep.spec.family import ALL, BOTH, NETWORKS

Number = Annotated[float | None, WithJsonSchema({"type": ["number", "null"]})]
"""A measured number; it is printed as null where it is not finite."""
Tables = dict[str, dict[str, Any]]


def _metrics(better: str) -> str:
    return ", ".join(name for name, entry in SCORES.items() if entry.better == better)


_METRIC = (
    "What scores are by, a name of `sweep options distances`. Lower is better, but higher for "
    f"{_metrics(HIGHER)}. Of {_metrics(ZERO)} the score is the magnitude."
)


_TARGETS = ", ".join(f"`{target}`" for target in (*NETWORKS, BOTH, ALL))


class Printed(BaseModel):
    model_config = ConfigDict(
        frozen=True,
        # Nothing is printed that is not documented here.
        extra="forbid",
        from_attributes=True,
        json_schema_serialization_defaults_required=True,
    )


class Versioned(Printed):
    version: Literal[2] = Field(
        2, description="Raised when a field is removed or changes its meaning; not for a new one."
    )


class Trial(Printed):
    """A completed trial of a study."""

    trial: int = Field(description="Its number in the study.")
    score: Number = Field(description="The mean of `fold_scores`.")
    standard_error: Number = Field(
        description="Of the score: sample deviation of `fold_scores` over √folds; 0 with one fold."
    )
    fold_scores: list[Number] = Field(description="By the study's `metric`, fold by fold.")
    step: int = Field(description="The training steps after which it was scored.")
    kind: str = Field(
        description="Its kind of regularisation: its method, or the form and the like that it "
        "chose, with commas between."
    )
    second_score: Number = Field(
        description="The mean of `second_fold_scores`; null without a second metric."
    )
    second_fold_scores: list[Number] = Field(
        description="By the study's `second_metric`, fold by fold; empty without one."
    )
    parameters: dict[str, bool | int | float | str] = Field(
        description="What the search chose, by paths such as `penalty.strength`."
    )
    recorded: dict[str, Number] = Field(
        description="What else was measured at `step`, by name: means over folds."
    )
    penalty: dict[str, float | str] = Field(
        description="Its `form`, `target` and the coefficients that the form takes; `form` alone "
        "where that is none."
    )
    config: Tables = Field(
        description="All of its settings, table by table as in docs/spec.md, without a range."
    )


class BestOfKind(Trial):
    """The best trial of a kind."""

    trials: int = Field(description="How many completed trials are of this kind.")


class Counts(Printed):
    """Trials by their state, the baseline among them."""

    running: int = Field(description="In training.")
    complete: int = Field(description="With a score.")
    collapsed: int = Field(
        description="Ended early, with the score of then, since the model was dead; `collapses` "
        "says why."
    )
    pruned: int = Field(description="Ended early by the pruner.")
    fail: int = Field(description="Without a score; `failures` says why.")
    waiting: int = Field(description="Still to be trained, made already or not.")


class Difference(Printed):
    """Score of the best minus score of the baseline, paired by fold, in units of `metric`."""

    mean: Number = Field(description="The mean over folds; below 0 where the best scores lower.")
    standard_error: Number = Field(description="Of the mean, over folds.")


class Estimate(Printed):
    """A mean of paired differences of scores, in units of `metric`, with its uncertainty."""

    mean: Number = Field(description="Score minus score; below 0 where the first is lower.")
    standard_error: Number = Field(
        description="Of the mean, for other seeds and, as far as is known, other images that judge."
    )
    low: Number = Field(
        description="The lower bound of the interval: of a confirmation's effect the repeated one, "
        "which allows for all looks."
    )
    high: Number = Field(description="The upper bound of the interval.")
    p: float = Field(
        description="Two-sided, of the hypothesis that the mean is 0; of a confirmation's effect "
        "it allows for all looks."
    )
    degrees: float = Field(
        description="Degrees of freedom, by Satterthwaite where images count: no whole number then."
    )
    level: float = Field(description="Of the interval: 0.95 for 95 %.")


class Effect(Printed):
    """A candidate against its baseline, paired by seed and fold."""

    estimate: Estimate = Field(description="The candidate's score minus its baseline's.")
    adjusted_p: float = Field(description="`estimate.p` by Holm's method for all candidates.")
    test: str = Field(
        description="What `estimate` is by: `seeds_and_images`, or `over_seeds` where what each "
        "image that judges adds is not stored, or not known of the metric, and with `shards`; "
        "`over_halves` with `halves`."
    )
    of_images: float | None = Field(
        description="The part of `standard_error` squared that comes from which images judge, 0 to "
        "1; null by `over_seeds`."
    )
    over_seeds: Estimate = Field(
        description="The same over the means of the seeds alone, with the images taken as given."
    )
    adjusted_p_over_seeds: float = Field(
        description="`over_seeds.p` by Holm's method for all candidates."
    )
    wins: float = Field(description="The share of seeds on which it is better, 0 to 1.")
    relative: Number = Field(
        description="The mean over the standard deviation of the baseline between seeds; null "
        "where that is 0 or there is one seed."
    )
    detectable: Number = Field(
        description="The least true effect that four studies in five like this would have found."
    )


class Candidate(Printed):
    """A config that was trained again, on seeds and folds that the search never saw."""

    trial: int = Field(description="The number of its trial in the search.")
    kind: str = Field(description="Its kind of regularisation, as for trials.")
    against: str = Field(description="The name of the baseline that it is compared with.")
    search_score: Number = Field(description="Its score in the search.")
    score: Number = Field(description="The mean of `scores`; null where there are none.")
    baseline_score: Number = Field(
        description="The mean of `baseline_scores`; null where there are none."
    )
    lead: Number = Field(
        description="By how much it is better than its baseline; below 0 where it is worse, "
        "whichever direction is better."
    )
    search_lead: Number = Field(
        description="By how much it was better than the study's baseline in the search."
    )
    scores: list[list[Number]] = Field(
        description="A list of folds for each seed on which it and its baseline stayed finite."
    )
    baseline_scores: list[list[Number]] = Field(
        description="The baseline's, on the same seeds and folds."
    )
    effect: Effect | None = Field(description="By `scores`; null with fewer than two seeds.")
    last: Effect | None = Field(
        description="With both at their last chunk: `effect` where the study scores there; null "
        "with one seed."
    )
    last_scores: tuple[Number, Number] = Field(
        description="Its mean score and the baseline's at the last chunk; null without a seed."
    )
    stopped: Effect | None = Field(
        description="With both stopped early, each where other seeds are best; null with one seed."
    )
    stopped_scores: tuple[Number, Number] | None = Field(
        description="Its mean score and the baseline's, stopped early; null with one seed."
    )
    stopped_steps: tuple[float, float] | None = Field(
        description="The training steps after which those lie, on average; null with one seed."
    )
    diverged: int = Field(
        description="The seeds on which it or its baseline did not stay finite; they are left out."
    )
    own_diverged: int = Field(description="Those of `diverged` on which it did not itself.")
    baseline_diverged: int = Field(description="Those of `diverged` on which its baseline did not.")


class Beyond(Printed):
    """A candidate by all its seeds, where more were added than planned: no verdict rests on it."""

    trial: int = Field(description="The number of its trial in the search.")
    seeds: int = Field(
        description="So many seeds there are on which it and its baseline stayed finite."
    )
    score: Number = Field(description="Its mean score over these; null where there are none.")
    baseline_score: Number = Field(description="Its baseline's, likewise.")
    difference: Estimate | None = Field(
        description="Its score minus its baseline's, as if so many seeds had been planned and it "
        "were the only candidate; null with fewer than two seeds."
    )
    diverged: int = Field(
        description="The seeds on which it or its baseline did not stay finite; they are left out."
    )


class FinalLook(Printed):
    """One look at images that neither the search nor the confirmation has touched."""

    name: str = Field(description="The config that was looked at.")
    scores: list[Number] = Field(description="Its score, seed by seed.")
    baseline_scores: list[Number] = Field(description="Its baseline's, on the same seeds.")
    difference: Estimate | None = Field(
        description="Its score minus its baseline's, paired by seed; null with one seed."
    )
    diverged: int = Field(
        description="The seeds on which one of the two did not stay finite; they are left out."
    )


class Confirmation(Printed):
    """Whether regularisation helps, by the best configs trained again."""

    verdict: Literal["helps", "hurts", "negligible", "unclear", "unfinished"] = Field(
        description="`negligible`: no effect larger than `smallest`; `unclear`: not decided; "
        "`unfinished`: none before `missing` is 0."
    )
    sentence: str = Field(description="The verdict in words, with its numbers.")
    details: list[str] = Field(description="What stands behind it, a sentence each.")
    missing: int = Field(
        description="Trainings that are at most still to be made before there is a verdict, but "
        "for `final`'s."
    )
    seeds: int = Field(
        description="How many seeds, at most, a candidate has scores of, up to `look`."
    )
    look: int | None = Field(
        description="After how many seeds the look was taken that this is of: the first that gave "
        "a word, else the last; null where none was planned, or none is there yet."
    )
    looks: list[int] = Field(
        description="After how many seeds one looks, as it was planned; intervals and p-values "
        "allow for all of them."
    )
    smallest: Number | None = Field(
        description="`confirm.smallest`, in units of `metric`; null where it is not set."
    )
    futile: bool = Field(
        description="Whether it ended at `look` without a word, since the seeds that are left had "
        "hardly a chance to give one; not where `smallest` is null."
    )
    replicates: int = Field(
        description="So many trainings at most have said which configs the candidates are."
    )
    best: int = Field(description="The trial of the candidate that the verdict is about.")
    candidates: list[Candidate] = Field(description="Those that score best first.")
    beyond: list[Beyond] = Field(
        description="The same candidates by all seeds, where more were added when those that were "
        "planned had given no word; else empty."
    )
    final: FinalLook | None = Field(
        description="null where no images were held out for it, or it was not taken."
    )


class Headline(Printed):
    """What is said of a study before all else."""

    word: str = Field(description="The verdict's, in words, or that there is none.")
    caveat: str | None = Field(
        description="What most weakens it, to be read on from `word`; null for nothing."
    )
    sentence: str = Field(description="By how much, and how sure that is.")
    command: str | None = Field(
        description="What brings a verdict; null where there is one, or none can be had yet."
    )


class References(Printed):
    """What scores are to be seen beside: scores by `metric`, fold by fold."""

    real: list[Number] | None = Field(
        description="Of real images against other real ones; null where that is not known."
    )
    untrained: list[Number] | None = Field(
        description="Of networks before their first step; null where that is not known."
    )


class Balance(Printed):
    """Where a term of the spec and the losses of a network pull equally hard."""

    term: str = Field(description="The form, with its order and the like, or the kind.")
    network: str = Field(description="Whose weights.")
    at: float = Field(
        description="The strength at which the norms of the two gradients are equal; of a radius "
        "the size of the weights, by the constraint's own norm."
    )


class MeasuredRange(Printed):
    """What became of an "auto" in the spec that was launched."""

    low: float = Field(description="The lower end of the range.")
    high: float = Field(description="The upper end of the range.")
    steps: int = Field(description="The steps of the baseline that it follows from.")
    folds: int = Field(description="On so many folds.")
    balances: list[Balance] = Field(
        description="Geometric means over these folds and the ends of chunks."
    )


class ConfigsOf(Printed):
    """Whose configs a study trains at another scale."""

    study: str = Field(description="The study that found them.")
    values: dict[str, Any] = Field(description="The fields that were set, by path.")


class Scale(Printed):
    """A study's configs at another scale."""

    study: str = Field(description="The study that has them.")
    values: dict[str, Any] = Field(description="The fields that were set, by path.")
    confirmation: Confirmation | None = Field(description="null where nothing is confirmed yet.")


class Show(Versioned):
    """What `sweep show STUDY --json` prints. A number that is not finite is null."""

    study: str = Field(description="The name of the study.")
    headline: Headline = Field(description="What is said first.")
    references: References = Field(description="Stored once the baseline has a score.")
    confirmation: Confirmation | None = Field(description="null where nothing is confirmed yet.")
    metric: str = Field(description=_METRIC)
    counts: Counts = Field(description="How many trials are in which state.")
    baseline: Trial | None = Field(
        description="The study's config with no penalty; null while it has no score."
    )
    best: Trial | None = Field(description="The first of `ranking`; null where that is empty.")
    difference: Difference | None = Field(
        description="Best minus baseline; null where either is, or `warnings` say that their folds "
        "cannot be paired. The best of many is lucky too."
    )
    second_metric: str | None = Field(description="Optimised beside `metric`; null with one.")
    front: list[Trial] = Field(
        description="With two metrics, the trials that no other beats in both; else empty."
    )
    best_per_kind: dict[str, BestOfKind] = Field(description="By kind of regularisation.")
    best_per_target: dict[str, Trial] = Field(
        description=f"By the penalised network: {_TARGETS} or `none`."
    )
    ranking: list[Trial] = Field(
        description="The completed trials of the search, best first; the baseline is none of them."
    )
    warnings: list[str] = Field(description="What to doubt, a sentence each.")
    failures: dict[str, str] = Field(
        description="Why trials have failed, by their numbers as text."
    )
    collapses: dict[str, str] = Field(
        description="By which step and why trials have collapsed, by their numbers as text; they "
        "are ranked by the score that they had then."
    )
    infeasible: dict[str, str] = Field(
        description="What trials miss of `score.require`, by their numbers as text; they have a "
        "score and stand in no ranking."
    )
    stopped_by_itself: str | None = Field(
        description="After which trial the search stopped by itself, and why; null if it did not."
    )
    feature_accuracy: Number = Field(
        description="Of the feature map as a classifier, on images it never saw, 0 to 1; null for "
        "a map that is none."
    )
    measured_ranges: dict[str, MeasuredRange] = Field(
        description='The ranges of the spec that were "auto" when it was launched, by path.'
    )
    configs_of: ConfigsOf | None = Field(
        description="Of a study that `sweep confirm --set` made; null of any other."
    )
    scales: list[Scale] = Field(description="What became of its configs at other scales.")
    spec: Tables = Field(description="The study's spec, table by table as in docs/spec.md.")


class Launch(Show):
    """What `sweep launch --json` prints: the same as `sweep show`, and whether it is done."""

    done: bool = Field(description="false where it was stopped before its last trial.")


class Confirm(Versioned):
    """What `sweep confirm STUDY --json` prints. A number that is not finite is null."""

    headline: Headline | None = Field(description="null where nothing is confirmed yet.")
    confirmation: Confirmation | None = Field(description="null where nothing is confirmed yet.")
    done: bool = Field(description="false where it was stopped before its last seed.")


class Side(Printed):
    """One of two studies that are compared, with its best config."""

    study: str = Field(description="The name of the study.")
    metric: str = Field(description=_METRIC)
    trial: int | None = Field(description="The number of its best; null where none has a score.")
    search_score: Number = Field(description="The score of that in the search; null likewise.")
    score: Number = Field(description="The mean of all `scores`; null where there are none.")
    scores: dict[str, list[Number]] = Field(
        description="Fold by fold, by seed as text: the seeds that its verdict is of if both "
        "studies are confirmed, else `0`, the search."
    )
    baseline_search_score: Number = Field(
        description="The score of its baseline in the search; null without one."
    )
    diverged: list[int] = Field(description="Seeds on which its best did not stay finite.")
    config: Tables | None = Field(
        description="All settings of its best, as in docs/spec.md; null where none has a score."
    )


class Compare(Versioned):
    """What `sweep compare A B --json` prints. A number that is not finite is null."""

    verdict: Literal["first", "second", "unclear", "unpaired"] = Field(
        description="The study that is better; `unclear`: no difference that these could detect; "
        "`unpaired`: not comparable."
    )
    sentence: str = Field(description="The verdict in words, with its numbers.")
    confirmed: bool = Field(description="true where both are judged by their confirmations.")
    first: Side = Field(description="The study A.")
    second: Side = Field(description="The study B.")
    difference: Estimate | None = Field(
        description="The first's score minus the second's; null where they cannot be paired, and "
        "with one seed, as of searches alone."
    )
    differences: list[list[Number]] | None = Field(
        description="What it is the mean of, a list of folds for each seed; null likewise."
    )
    apart: list[str] = Field(description="Why they cannot be paired, a reason each.")
    notes: list[str] = Field(description="What to know beside the difference, a sentence each.")


class Class(Printed):
    """A label, and the images that have it."""

    label: int = Field(description="The number that stands for it.")
    name: str | None = Field(description="What it is called; null where it has no name.")
    count: int = Field(description="How many images have it.")


class Size(Printed):
    """Sides that pictures have before they are treated."""

    height: int = Field(description="In pixels.")
    width: int = Field(description="In pixels.")
    count: int = Field(description="How many pictures have it.")


class DataShow(Versioned):
    """What `sweep data show SOURCE --json` prints."""

    name: str = Field(description="What the data set is called.")
    count: int = Field(description="How many images a study would get.")
    shape: tuple[int, int, int] | None = Field(
        description="Height, width and channels of each; null where pictures have several sizes."
    )
    pixel_range: tuple[float, float] = Field(description="The numbers that become −1 and 1.")
    classes: list[Class] | None = Field(description="By label; null without labels.")
    sizes: list[Size] | None = Field(
        description="Of pictures, most frequent first; null of arrays, and of a source of one's "
        "own."
    )
    copies: int = Field(
        description="How many images are copies of others: to the last pixel, or to the last byte "
        "of the file if `decoded` is false."
    )
    decoded: bool = Field(
        description="Whether pixels were looked at; else all is by headers alone."
    )
    fingerprint: str | None = Field(
        description="SHA-256 over images and labels, in hex; null where no pixels were looked at."
    )
    told: list[str] = Field(description="What was assumed or looks wrong, a sentence each.")
    fault: str | None = Field(
        description="Why no study can be trained on it; null where one can. The exit code is 2 "
        "then."
    )
    kept_in: str | None = Field(description="Where the decoded images are kept, if they are.")
    sheet: str = Field(description="The PNG of some images that was written.")


class Suggestion(Printed):
    """Settings that are worth a first look."""

    parameters: dict[str, bool | int | float | str] = Field(
        description="What a trial is asked for, by name; without these names the field that is "
        "fixed, where `unfit` says so."
    )
    why: str = Field(description="What it is, in words.")
    source: str = Field(description="A paper, or a study of the storage and its trial.")
    unfit: str | None = Field(
        description="Why a study does not begin with it: the spec cannot have it, or by its "
        "confirmation it is no better than its baseline; null where it does."
    )


class Suggest(Versioned):
    """What `sweep suggest SPEC --json` prints."""

    pixels: int = Field(description="Of an image, height times width.")
    rules: list[Suggestion] = Field(description="By rules of thumb.")
    studies: list[Suggestion] = Field(
        description="By other studies of the storage, those that a confirmation says help first."
    )
    measured_ranges: dict[str, MeasuredRange] | None = Field(
        description='The ranges that "auto" takes, by path; null without `--measure`.'
    )


class Log(Versioned):
    """What `sweep log STUDY --json` prints."""

    study: str = Field(description="Its name.")
    destinations: list[str] = Field(
        description="Where all of it was logged to, each once, without a server's password."
    )


class DryRun(Versioned):
    """What `sweep launch SPEC --dry-run --json` prints; times are in seconds, of this machine."""

    programs: int = Field(description="Training programs that trials may need.")
    at_least: bool = Field(description="Whether there may be more of them.")
    slots: int = Field(description="Trials in training at a time.")
    folds: int = Field(description="Models of each trial.")
    members: int = Field(description="Models in training at a time.")
    memory: int = Field(description="Bytes that a worker takes, about.")
    trials: int = Field(description="Of the search, with the baseline.")
    cores: int = Field(description="That the study may run on.")
    compiling: float = Field(description="One program.")
    step: float = Field(description="One training step of all members.")
    chunk: float = Field(description="Samples and scores of all members after a chunk.")
    measuring: float = Field(description='The ranges that are "auto".')
    search: float = Field(description="All trials, without compilation.")
    confirmation: float = Field(description="With as many seeds as `confirm.seeds` allows.")
    total: float = Field(description="From the submission to the verdict, compilation included.")
    core_hours: float = Field(description="`total` times `cores`, in hours.")


PRINTED: dict[str, type[Versioned]] = {
    "show": Show,
    "launch": Launch,
    "confirm": Confirm,
    "compare": Compare,
    "data show": DataShow,
    "suggest": Suggest,
    "log": Log,
    "launch --dry-run": DryRun,
}
"""What each command prints with `--json`."""
