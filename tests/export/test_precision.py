"""Studies of networks that compute in bfloat16."""

import numpy as np

from normsweep.export.again import score_config
from normsweep.export.configs import best_config
from normsweep.spec.config import read_config, render


def test_a_study_in_bfloat16_scores_near_one_in_float32_and_again_to_the_bit(
    run, make_spec, example, tmp_path
) -> None:
    """Of the same seed, so that networks, batches and noise are the same."""
    study = run(make_spec(train__precision="bfloat16", study__trials=2)).study
    pairs = zip(study.get_trials(), example.study.get_trials(), strict=False)
    for trial, single in pairs:
        found, wanted = (
            np.array([each.intermediate_values[step] for step in (10, 20, 30, 40)])
            for each in (trial, single)
        )
        assert np.isfinite(found).all()
        np.testing.assert_allclose(found, wanted, rtol=0.1)
        assert (found != wanted).any()
    file = tmp_path / "best.toml"
    file.write_text(render([best_config(study)], "toml"))
    config = read_config(file)
    assert config.spec.train.precision == "bfloat16"
    assert score_config(config).identical is True
