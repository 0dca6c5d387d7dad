"""How often a study compiles: once for each combination of static settings, for any length."""

import optuna

from normsweep.engine.population import training_programs


def widths(study: optuna.Study) -> set[str]:
    return {trial.params["model.generator_hidden"] for trial in study.get_trials()[1:]}


def test_a_study_compiles_one_program_for_each_static_combination_whatever_its_length(
    run, make_spec
) -> None:
    # Has the program for a width of 16 compiled; the one for 9 is new.
    run(make_spec(study__name="first", study__trials=1))
    static = {"model__generator_hidden": [[16], [9]], "study__seed": 2}
    before = training_programs()
    short = run(make_spec(study__name="short", study__trials=4, **static)).study
    after_short = training_programs()
    long = run(make_spec(study__name="long", study__trials=12, **static)).study
    assert widths(short) == widths(long) == {"16", "9"}
    assert len(long.get_trials()) == 13
    assert after_short - before == 1
    assert training_programs() == after_short


def test_whatever_need_not_change_a_shape_shares_one_program(run, make_spec) -> None:
    before = training_programs()
    launched = run(
        make_spec(
            study__sampler="random",
            study__trials=6,
            train__generator_learning_rate={"low": 1e-4, "high": 1e-2, "log": True},
            train__discriminator_learning_rate=[1e-4, 1e-3],
            train__beta1=[0.0, 0.5],
            penalty__form=["power", "norm"],
            penalty__strength={"low": 1e-6, "high": 1e-1, "log": True},
            penalty__order={"low": 1.0, "high": 2.0},
        )
    )
    assert launched.done
    # The forms and orders are methods of that one.
    assert training_programs() - before == 1
