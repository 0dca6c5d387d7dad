"""What is worth a first look, by rules of thumb and other studies, and studies that begin so."""

import copy
from typing import Any

import pytest

from normsweep.errors import UserError
from normsweep.spec import Spec, spec_from_tables
from normsweep.study.attributes import study_attributes
from normsweep.study.plan import fixed_parameters
from normsweep.study.records import load_study
from normsweep.verdict.answers import answer
from normsweep.verdict.suggestions import Images, by_rules, by_studies, fitting
from normsweep.worker.submit import submit
from tests.small_studies import confirm_by_hand

IMAGES = Images(pixels=64, fingerprint="of these")
R1 = {"kind": "r1", "strength": {"low": 1e-4, "high": 50.0, "log": True}}


def spec(**sections: Any) -> Spec:
    return spec_from_tables(sections, "f")


def test_r1_s_rule_is_by_pixels_and_batch() -> None:
    found = by_rules(spec(gradient_penalty=R1, train={"batch": 32}), IMAGES)
    assert [each.parameters for each in found] == [
        {"gradient_penalty.strength": 0.0002 * 64 / 32},
        {"gradient_penalty.strength": 10.0},
    ]
    assert "2006.06676" in found[0].source and "pixels / batch" in found[0].why
    assert all(each.unfit is None for each in found)


def test_a_rule_beyond_the_range_does_not_fit_and_one_of_auto_does() -> None:
    narrow = R1 | {"strength": [0.1, 1.0]}
    rule, _ = by_rules(spec(gradient_penalty=narrow), IMAGES)
    assert rule.unfit is not None and "accepted: 0.1, 1.0" in rule.unfit
    rule, _ = by_rules(spec(gradient_penalty=R1 | {"strength": "auto"}), IMAGES)
    assert rule.unfit is None
    rule, _ = by_rules(spec(gradient_penalty=R1 | {"strength": 1.0}, penalty=L2), IMAGES)
    assert rule.unfit == "the spec has 1"


L2 = {"form": "power", "order": 2.0, "strength": {"low": 1e-6, "high": 1.0, "log": True}}


def test_of_methods_and_searched_kinds_a_trial_is_asked_for_all_that_leads_there() -> None:
    kinds = {"kind": ["none", "r1", "wgan_gp"], "strength": R1["strength"]}
    found = by_rules(
        spec(methods={"slope": {"gradient_penalty": kinds}, "l2": {"penalty": L2}}), IMAGES
    )
    assert found[-1].parameters == {
        "method": "slope",
        "slope.gradient_penalty.kind": "wgan_gp",
        "slope.gradient_penalty.strength": 10.0,
    }
    assert all(each.unfit is None for each in found)
    assert len(list(fitting([*found, *found]))) == len(found) == 3


def test_another_study_s_best_is_found_with_its_settings(example, make_spec, databases) -> None:
    storage = databases.open(example.url)
    images = Images(64, study_attributes(example.study).fingerprints["data"])
    best = answer(example.study).best
    assert best is not None
    wanted = make_spec(
        study__name="next",
        study__sampler="tpe",
        penalty__strength={"low": 1e-6, "high": 10.0, "log": True},
    )
    (found,) = by_studies(wanted, images, storage)
    assert found.unfit is None and found.source == f"small#{best.number}"
    assert found.parameters == dict(best.parameters)
    assert "not confirmed: FID-proxy" in found.why
    # Of another target or range it says why not.
    other = "discriminator" if best.target == "generator" else "generator"
    (found,) = by_studies(
        wanted.with_values({"penalty.target": other, "penalty.strength": [1e-5, 1e-2]}),
        images,
        storage,
    )
    assert found.unfit is not None
    # Another family, and the study itself, tell nothing.
    assert by_studies(make_spec(study__name="small"), images, storage) == []
    vae = spec(model={"family": "vae"}, penalty=L2)
    assert by_studies(vae, images, storage) == []


@pytest.mark.parametrize(
    ("scores", "said", "begun"),
    [
        ((2.0, 2.0, 2.0), "(confirmed: FID-proxy 2.02 against 3.02 without)", True),
        ((1.0, 4.5, 2.2), "(confirmed: not decided, FID-proxy 2.59 against 3.02 without)", True),
        ((1.0, 4.5, 4.2), "(confirmed: not decided, FID-proxy 3.25 against 3.02 without)", False),
        ((4.0, 4.0, 4.0), "(confirmed: hurts, FID-proxy 4.02 against 3.02 without)", False),
        ((1.0,), "(confirmed: not decided, FID-proxy 1.01 against 3.01 without)", True),
    ],
)
def test_what_was_confirmed_is_told_by_its_confirmed_scores(
    copied_example, make_spec, databases, storage_url, scores, said, begun: bool
) -> None:
    storage = databases.open(storage_url)
    study = load_study("small", storage)
    confirm_by_hand(study, storage, scores)
    best = answer(study).best
    assert best is not None
    wanted = make_spec(study__name="next", study__sampler="tpe", study__begin="suggested")
    (found,) = by_studies(wanted, IMAGES, storage)
    assert found.source == f"small#{best.number}"
    assert said in found.why
    told: list[dict[str, Any]] = []
    made = submit(wanted, storage, log=lambda event, /, **facts: told.append(facts)).study
    first = made.get_trials()[1:2]
    assert [fixed_parameters(trial) for trial in first] == [best.parameters] * begun
    assert ({"source": found.source, "why": found.why} in told) is begun
    if not begun:
        assert found.unfit == "by its confirmation it is no better than its baseline"


def test_a_confirmed_config_comes_before_one_that_searched_better_since(
    copied_example, make_spec, databases, storage_url
) -> None:
    storage = databases.open(storage_url)
    study = load_study("small", storage)
    confirm_by_hand(study, storage)
    best, second = answer(study).ranking[:2]
    lucky = copy.deepcopy(study.get_trials()[second.number])
    lucky.user_attrs["result"]["fold_scores"] = [0.01, 0.01]
    lucky.values = [0.01]
    study.add_trial(lucky)
    (luckiest, *_) = answer(study).ranking
    assert luckiest.score == pytest.approx(0.01)
    (found,) = by_studies(make_spec(study__name="next"), IMAGES, storage)
    assert found.source == f"small#{best.number}" != f"small#{luckiest.number}"


def test_r1_of_another_size_is_rescaled(monkeypatch, example, make_spec, databases) -> None:
    from normsweep.verdict import suggestions

    config = make_spec(penalty__strength=1e-3, penalty__target="both").plain()
    config |= {
        "penalty": {"form": "none"},
        "gradient_penalty": {"kind": "r1", "strength": 0.5},
    }
    best = answer(example.study).best
    assert best is not None
    found = type(best)(**(vars(best) | {"plain": config, "kind": "r1", "parameters": {}}))
    monkeypatch.setattr(
        suggestions, "_taken", lambda study, storage: suggestions._Taken(found, "confirmed", True)
    )
    wanted = spec(study={"name": "large"}, gradient_penalty=R1, train={"batch": 32})
    (told,) = by_studies(wanted, Images(256, "others"), databases.open(example.url))
    # 64 pixels and a batch of 16 there, 256 and 32 here.
    assert told.parameters == {"gradient_penalty.strength": 0.5 * 2}
    assert "times 2, by pixels / batch" in told.why


def test_a_study_begins_with_what_fits_once(databases, storage_url, make_spec) -> None:
    tables = make_spec(study__sampler="tpe").plain() | {
        "penalty": {"form": "none"},
        "gradient_penalty": R1,
    }
    tables["study"] |= {"begin": "suggested", "trials": 3}
    wanted = Spec.model_validate(tables)
    storage = databases.open(storage_url)
    for _ in range(2):
        study = submit(wanted, storage).study
        assert [fixed_parameters(trial) for trial in study.get_trials()] == [
            {},
            {"gradient_penalty.strength": 0.0002 * 64 / 16},
            {"gradient_penalty.strength": 10.0},
        ]


def test_a_grid_begins_with_its_own_points(make_spec) -> None:
    with pytest.raises(UserError, match=r'study\.begin = "suggested" needs trials that are no'):
        make_spec(study__begin="suggested")
