"""Codes as PBXs write them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.pbx.leg_events import final_of, number_in
from agent.pbx.port import CarrierFinal


def test_codes_are_read() -> None:
    assert final_of("486", "17") == CarrierFinal(486, 17)


@pytest.mark.parametrize("text", ["", "180", "700", "-1", "486 ", "٤٨٦", "4" * 5000])
def test_what_is_no_final_code_says_nothing(text: str) -> None:
    assert final_of(text, "0") == CarrierFinal(None, None)


@given(st.text())
def test_any_text_is_a_number_within_the_bounds_or_none(text: str) -> None:
    number = number_in(text, 1, 127)
    assert number is None or (1 <= number <= 127 and int(text) == number)
