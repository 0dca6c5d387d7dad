"""`strength = "auto"` from the command line: launched, submitted, shown, exported."""

import json
import tomllib


def test_a_measured_range_is_said_shown_and_exported(sweep, write_spec, folder) -> None:
    spec = write_spec(
        study__sampler="random",
        study__trials=1,
        penalty__strength="auto",
        penalty__target="discriminator",
    )
    launched = sweep("launch", spec)
    assert launched.code == 0, launched.err
    assert "measuring ranges on the baseline: 0 of 10 steps" in launched.err
    assert "range measured: penalty.strength" in launched.err

    shown = json.loads(sweep("show", "small", "--json").out)
    measured = shown["measured_ranges"]["penalty.strength"]
    (balance,) = measured["balances"]
    assert (balance["term"], balance["network"]) == ("power, order 2", "discriminator")
    assert measured["low"] <= balance["at"] * 1e-3 and measured["high"] >= balance["at"] * 10
    ends = {"low": measured["low"], "high": measured["high"], "log": True}
    assert shown["spec"]["penalty"]["strength"] == ends
    told = sweep("show", "small").out
    assert f"penalty.strength: {measured['low']:g} … {measured['high']:g}, from 10 steps" in told

    exported = sweep("export", "small", "-o", folder / "best.toml")
    assert exported.code == 0, exported.err
    provenance = tomllib.loads((folder / "best.toml").read_text("utf-8"))["provenance"]
    assert provenance["measured_ranges"] == {"penalty.strength": measured}

    copied = sweep("copy", "small", "--to", "sqlite:///copy.db")
    assert copied.code == 0, copied.err
    there = json.loads(sweep("show", "small", "--storage", "sqlite:///copy.db", "--json").out)
    assert there["measured_ranges"] == shown["measured_ranges"]

    again = sweep("submit", spec)
    assert again.code == 0 and "measur" not in again.err


def test_what_cannot_be_auto_is_told(sweep, write_spec) -> None:
    refused = sweep("launch", write_spec(penalty__strength="auto"))
    assert refused.code == 2
    assert 'penalty.strength = "auto" is a range without steps' in refused.err
    refused = sweep("score", write_spec(penalty__strength="auto", penalty__target="both"))
    assert refused.code == 2
    assert 'penalty.strength = "auto" is a search range' in refused.err
