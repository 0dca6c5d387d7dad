"""`sweep suggest`."""

import json


def test_it_tells_rules_studies_and_ranges(sweep, write_spec, example) -> None:
    spec = write_spec(
        study__name="next",
        study__sampler="tpe",
        penalty__strength="auto",
        gradient_penalty={"kind": "r1", "strength": 1.0},
    )
    told = sweep("suggest", spec, "--storage", example.url)
    assert told.code == 0, told.err
    assert "strength = 0.0002 · pixels / batch" in told.out and "2006.06676" in told.out
    assert "left out: the spec has 1" in told.out
    assert "penalty.strength: measured with --measure" in told.out
    found = json.loads(sweep("suggest", spec, "--json", "--storage", example.url).out)
    assert found["pixels"] == 64 and found["measured_ranges"] is None
    assert found["studies"][0]["source"].startswith("small#")


def test_it_measures_what_auto_would_take_for_a_range_too(sweep, write_spec) -> None:
    spec = write_spec(penalty__target="both")
    told = sweep("suggest", spec, "--measure", "--json")
    assert told.code == 0, told.err
    found = json.loads(told.out)
    assert found["studies"] == [] and found["measured_ranges"].keys() == {"penalty.strength"}


def test_nothing_to_measure_is_told(sweep, write_spec) -> None:
    spec = write_spec(penalty__strength=1e-3, penalty__order=[1.0, 2.0])
    refused = sweep("suggest", spec, "--measure")
    assert refused.code == 2 and "no strength and no radius of the spec is searched" in refused.err
