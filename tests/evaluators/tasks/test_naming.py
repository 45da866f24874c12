from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evaluators.tasks.naming import split, variant_name

_halves = st.integers(1, 400).map(lambda number: number / 8)


@given(st.fixed_dictionaries({}, optional={"width": st.integers(1, 64), "batch": _halves, "horizon": _halves}))
def test_a_variants_name_says_what_it_is_a_variant_of(factors: dict[str, float]) -> None:
    varied = {axis: factor for axis, factor in factors.items() if factor != 1}
    assert split(variant_name("text_ngram", factors)) == ("text_ngram", varied)


def test_factors_come_in_any_order() -> None:
    assert split("a@horizon=2,width=3") == ("a", {"horizon": 2.0, "width": 3})
    assert split("a") == ("a", {})


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("a@depth=2", r"Variant 'depth=2' of task 'a': expected width, batch, horizon"),
        ("a@", "expected width, batch, horizon"),
        ("a@batch=2,batch=3", "each at most once"),
        ("a@width=1.5", r"a whole number above zero, found '1.5'"),
        ("a@horizon=0", "a finite number above zero"),
        ("a@horizon=-1", "a finite number above zero"),
        ("a@horizon=nan", "a finite number above zero"),
        ("a@batch=inf", "a finite number above zero"),
        ("a@batch=", "a finite number above zero, found ''"),
    ],
)
def test_a_variant_that_makes_no_sense_is_refused(name: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        split(name)
