"""The smallest effect that counts: a number of the score, or of the baseline's spread."""

import pytest

from normsweep.errors import UserError
from normsweep.spec.ranges import in_spreads


@pytest.mark.parametrize(
    ("given", "kept"),
    [(0.1, 0.1), (1, 1.0), ("0.5 sd", "0.5 sd"), ("2 sd", "2 sd"), ("1.50 sd", "1.5 sd")],
)
def test_it_is_a_number_or_so_many_standard_deviations(make_spec, given, kept) -> None:
    spec = make_spec(confirm__smallest=given)
    assert spec.confirm.smallest == kept and type(spec.confirm.smallest) is type(kept)
    # As it is stored with a study.
    assert type(spec).stored(spec.plain()).confirm.smallest == kept
    assert not isinstance(kept, str) or in_spreads(kept) == float(given.split()[0])


@pytest.mark.parametrize(
    "given", [0, -0.1, "0.5", "0 sd", "-1 sd", "sd", "nan sd", "a sd", [0.1, 0.2]]
)
def test_anything_else_is_told_with_what_is_accepted(make_spec, given) -> None:
    with pytest.raises(UserError) as caught:
        make_spec(confirm__smallest=given)
    assert "confirm.smallest" in str(caught.value)
    assert 'a number > 0, or "0.5 sd", standard deviations of the baseline' in str(caught.value)
