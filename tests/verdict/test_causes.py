"""The tables of RFC 3398 and of Asterisk."""

import pytest

from agent.verdict.causes import (
    ASTERISK_CAUSE_OF_SIP,
    ASTERISK_SIP_OF_CAUSE,
    CAUSE_NAMES,
    CAUSE_OF_SIP,
    SIP_OF_CAUSE,
    asterisk_cause,
    q850_cause,
    sip_code,
)

# fmt: off
SIP_BY_RFC_3398 = {
    1: 404, 17: 486, 18: 408, 19: 480, 20: 480, 21: 403, 22: 410, 27: 502, 28: 484, 31: 480,
    34: 503, 38: 503, 57: 403, 65: 488, 79: 501, 102: 504, 111: 500, 127: 500,
}
CAUSE_BY_RFC_3398 = {
    404: 1, 408: 102, 410: 22, 480: 18, 484: 28, 486: 17, 500: 41, 503: 41, 504: 102,
    600: 17, 603: 21, 604: 1, 487: None, 488: None, 606: None, 200: None,
}
CAUSE_BY_ASTERISK = {
    486: 17, 603: 21, 403: 21, 404: 1, 480: 19, 503: 34, 408: 18, 410: 22, 484: 28,
    500: 38, 487: 127, 499: 127, 599: 34, 699: 127, 200: None, 183: None,
}
# fmt: on


@pytest.mark.parametrize(("cause", "code"), SIP_BY_RFC_3398.items())
def test_a_cause_becomes_a_sip_code(cause: int, code: int) -> None:
    assert sip_code(cause) == code


def test_a_cause_that_the_rfc_does_not_list_is_a_server_error() -> None:
    assert sip_code(96) == 500


@pytest.mark.parametrize(("code", "cause"), CAUSE_BY_RFC_3398.items())
def test_a_sip_code_becomes_a_cause(code: int, cause: int | None) -> None:
    assert q850_cause(code) == cause


@pytest.mark.parametrize(("code", "cause"), CAUSE_BY_ASTERISK.items())
def test_asterisk_reads_a_sip_code_in_its_own_way(code: int, cause: int | None) -> None:
    assert asterisk_cause(code) == cause


@pytest.mark.parametrize("code", [404, 408, 410, 480, 484, 486, 488, 500, 501, 502, 503, 403])
def test_asterisk_sends_the_code_again_that_it_read(code: int) -> None:
    assert ASTERISK_SIP_OF_CAUSE[ASTERISK_CAUSE_OF_SIP[code]] == code


def test_every_cause_in_a_table_has_a_name() -> None:
    causes = {*SIP_OF_CAUSE, *CAUSE_OF_SIP.values(), *ASTERISK_SIP_OF_CAUSE, *ASTERISK_CAUSE_OF_SIP.values()}
    assert causes <= CAUSE_NAMES.keys()


def test_names_are_those_of_q850() -> None:
    assert CAUSE_NAMES[17] == "user busy"
