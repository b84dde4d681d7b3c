"""Q.850 causes by the names that FreeSWITCH gives them (switch_channel.c).

`uuid_kill` takes a name that it does not know for NORMAL_CLEARING, without a word. What the caller's side
hears of a killed leg after a plain bridge, as tried on 1.10.12: USER_BUSY 486; UNALLOCATED_NUMBER and
NO_ROUTE_DESTINATION 404; CALL_REJECTED 603, where RFC 3398 has 403; NUMBER_CHANGED 410; INVALID_NUMBER_FORMAT
484; DESTINATION_OUT_OF_ORDER 502; NORMAL_TEMPORARY_FAILURE and NORMAL_CIRCUIT_CONGESTION 503; most others
480. NO_ANSWER and NO_USER_RESPONSE reach the caller as NORMAL_CLEARING, 480, because the dialplan goes on
after them.
"""

from collections.abc import Mapping
from types import MappingProxyType

UNKNOWN_CAUSE = "NORMAL_UNSPECIFIED"
"""For causes that FreeSWITCH has no name for: Q.850's own cause for whatever has none."""

FREESWITCH_NAMES: Mapping[int, str] = MappingProxyType(
    {
        1: "UNALLOCATED_NUMBER",
        2: "NO_ROUTE_TRANSIT_NET",
        3: "NO_ROUTE_DESTINATION",
        6: "CHANNEL_UNACCEPTABLE",
        7: "CALL_AWARDED_DELIVERED",
        16: "NORMAL_CLEARING",
        17: "USER_BUSY",
        18: "NO_USER_RESPONSE",
        19: "NO_ANSWER",
        20: "SUBSCRIBER_ABSENT",
        21: "CALL_REJECTED",
        22: "NUMBER_CHANGED",
        23: "REDIRECTION_TO_NEW_DESTINATION",
        25: "EXCHANGE_ROUTING_ERROR",
        27: "DESTINATION_OUT_OF_ORDER",
        28: "INVALID_NUMBER_FORMAT",
        29: "FACILITY_REJECTED",
        30: "RESPONSE_TO_STATUS_ENQUIRY",
        31: "NORMAL_UNSPECIFIED",
        34: "NORMAL_CIRCUIT_CONGESTION",
        38: "NETWORK_OUT_OF_ORDER",
        41: "NORMAL_TEMPORARY_FAILURE",
        42: "SWITCH_CONGESTION",
        43: "ACCESS_INFO_DISCARDED",
        44: "REQUESTED_CHAN_UNAVAIL",
        45: "PRE_EMPTED",
        50: "FACILITY_NOT_SUBSCRIBED",
        52: "OUTGOING_CALL_BARRED",
        54: "INCOMING_CALL_BARRED",
        57: "BEARERCAPABILITY_NOTAUTH",
        58: "BEARERCAPABILITY_NOTAVAIL",
        63: "SERVICE_UNAVAILABLE",
        65: "BEARERCAPABILITY_NOTIMPL",
        66: "CHAN_NOT_IMPLEMENTED",
        69: "FACILITY_NOT_IMPLEMENTED",
        79: "SERVICE_NOT_IMPLEMENTED",
        81: "INVALID_CALL_REFERENCE",
        88: "INCOMPATIBLE_DESTINATION",
        95: "INVALID_MSG_UNSPECIFIED",
        96: "MANDATORY_IE_MISSING",
        97: "MESSAGE_TYPE_NONEXIST",
        98: "WRONG_MESSAGE",
        99: "IE_NONEXIST",
        100: "INVALID_IE_CONTENTS",
        101: "WRONG_CALL_STATE",
        102: "RECOVERY_ON_TIMER_EXPIRE",
        103: "MANDATORY_IE_LENGTH_ERROR",
        111: "PROTOCOL_ERROR",
        127: "INTERWORKING",
    }
)


def freeswitch_name(q850: int) -> str:
    """Name of a Q.850 cause as `uuid_kill` takes it; `UNKNOWN_CAUSE` for causes that have none."""
    return FREESWITCH_NAMES.get(q850, UNKNOWN_CAUSE)
