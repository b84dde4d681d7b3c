"""SIP status codes and ITU-T Q.850 causes, and how each becomes the other.

Two directions, two tables, and they are no inverses: RFC 3398 section 7.2.4.1 (a cause to a SIP
code) and section 8.2.6.1 (a SIP code to a cause); RFC 4497 repeats both for QSIG. Causes are what
the agent decides in, SIP codes what the edge speaks.

Asterisk deviates from both (chan_pjsip of Asterisk 16 and 22; checked on calls). Its tables are
here too, because a dialplan that says `Hangup(cause)` gets Asterisk's code, not the RFC's.
"""

from collections.abc import Mapping
from types import MappingProxyType

CAUSE_NAMES: Mapping[int, str] = MappingProxyType(
    {
        1: "unallocated (unassigned) number",
        2: "no route to specified transit network",
        3: "no route to destination",
        4: "send special information tone",
        5: "misdialled trunk prefix",
        16: "normal call clearing",
        17: "user busy",
        18: "no user responding",
        19: "no answer from user (user alerted)",
        20: "subscriber absent",
        21: "call rejected",
        22: "number changed",
        23: "redirection to new destination",
        25: "exchange routing error",
        26: "non-selected user clearing",
        27: "destination out of order",
        28: "invalid number format (address incomplete)",
        29: "facility rejected",
        30: "response to STATUS ENQUIRY",
        31: "normal, unspecified",
        34: "no circuit/channel available",
        38: "network out of order",
        41: "temporary failure",
        42: "switching equipment congestion",
        43: "access information discarded",
        44: "requested circuit/channel not available",
        47: "resource unavailable, unspecified",
        50: "requested facility not subscribed",
        55: "incoming calls barred within CUG",
        57: "bearer capability not authorized",
        58: "bearer capability not presently available",
        63: "service or option not available, unspecified",
        65: "bearer capability not implemented",
        66: "channel type not implemented",
        69: "requested facility not implemented",
        70: "only restricted digital information bearer capability is available",
        79: "service or option not implemented, unspecified",
        87: "user not member of CUG",
        88: "incompatible destination",
        95: "invalid message, unspecified",
        102: "recovery on timer expiry",
        111: "protocol error, unspecified",
        127: "interworking, unspecified",
    }
)
"""Names of Q.850 causes (ITU-T Q.850, table 1)."""

SIP_OF_CAUSE: Mapping[int, int] = MappingProxyType(
    {1: 404, 2: 404, 3: 404, 17: 486, 18: 408, 19: 480, 20: 480, 21: 403, 22: 410, 23: 410, 26: 404, 27: 502}
    | {28: 484, 29: 501, 31: 480, 34: 503, 38: 503, 41: 503, 42: 503, 47: 503, 55: 403, 57: 403, 58: 503}
    | {65: 488, 70: 488, 79: 501, 87: 403, 88: 503, 102: 504, 111: 500, 127: 500}
)
"""RFC 3398, 7.2.4.1. Cause 16 has no code there; 21 is 603 where the callee itself rejects (RFC 4497)."""

CAUSE_OF_SIP: Mapping[int, int] = MappingProxyType(
    {400: 41, 401: 21, 402: 21, 403: 21, 404: 1, 405: 63, 406: 79, 407: 21, 408: 102, 410: 22, 413: 127}
    | {414: 127, 415: 79, 416: 127, 420: 127, 421: 127, 423: 127, 480: 18, 481: 41, 482: 25, 483: 25, 484: 28}
    | {485: 1, 486: 17, 500: 41, 501: 79, 502: 38, 503: 41, 504: 102, 505: 127, 513: 127}
    | {600: 17, 603: 21, 604: 1}
)
"""RFC 3398, 8.2.6.1. 487 has no cause there; 488 and 606 depend on their Warning header."""

ASTERISK_SIP_OF_CAUSE: Mapping[int, int] = MappingProxyType(
    {1: 404, 2: 404, 3: 404, 17: 486, 18: 408, 19: 480, 20: 480, 21: 403, 22: 410, 27: 502, 28: 484, 29: 501}
    | {31: 480, 34: 503, 38: 500, 42: 503, 58: 488, 66: 503, 127: 500}
)
"""What Asterisk sends for `Hangup(cause)`; a cause that is not here is left to the channel's state."""

ASTERISK_CAUSE_OF_SIP: Mapping[int, int] = MappingProxyType(
    {401: 21, 403: 21, 404: 1, 405: 127, 407: 21, 408: 18, 409: 41, 410: 22, 411: 127, 413: 127, 414: 127}
    | {415: 127, 420: 3, 480: 19, 481: 127, 482: 127, 483: 19, 484: 28, 485: 1, 486: 17, 487: 127, 488: 58}
    | {491: 127, 493: 127, 500: 38, 501: 29, 502: 27, 503: 34, 504: 102, 505: 127}
    | {600: 17, 603: 21, 604: 1, 606: 58}
)
"""What `HANGUPCAUSE` reads after the carrier's final code."""


def sip_code(cause: int) -> int:
    """SIP status code of a Q.850 cause by RFC 3398, 7.2.4.1; 500 for causes that it does not list."""
    return SIP_OF_CAUSE.get(cause, 500)


def q850_cause(code: int) -> int | None:
    """Q.850 cause of a final SIP status code by RFC 3398, 8.2.6.1; None where it gives none."""
    return CAUSE_OF_SIP.get(code)


def asterisk_cause(code: int) -> int | None:
    """Q.850 cause that Asterisk takes a SIP status code for; None below 400.

    Where Asterisk's two tables allow it, `Hangup()` with this cause sends the same code again.
    """
    if code < 400:
        return None
    return ASTERISK_CAUSE_OF_SIP.get(code, 34 if 500 <= code < 600 else 127)
