"""Every parser of what a stranger may write: any bytes are taken, or refused in one sentence, and no more.

A target raises where its parser does what none may: another error than its own, another answer where the
same bytes come cut elsewhere, memory that grows, a forged line, a file outside its folder.
`benchmarks/fuzz.py` looks for such inputs, `test_fuzz.py` tries those that were worth keeping.
"""

from collections.abc import Callable
from dataclasses import dataclass

from tests.fuzz.files import announcement_folder, config, label_file, model_card
from tests.fuzz.protocols import agi_conversation, ami, audiosocket, event_socket


@dataclass(frozen=True, slots=True)
class Target:
    """A parser, and how to try it."""

    run: Callable[[bytes], None]
    words: tuple[str, ...] = ()
    """What its inputs are made of: a fuzzer that knows them gets further."""


TARGETS = {
    "audiosocket": Target(
        audiosocket, ("\x01\x00\x10", "\x10\x01\x40", "\x12\x02\x80", "\x00\x00\x00", "\x03\x00\x01")
    ),
    "agi": Target(
        agi_conversation,
        (
            "agi_uniqueid: ",
            "agi_channel: ",
            "\n\n",
            "200 result=",
            "520-",
            "520 ",
            "511 ",
            "100 ",
            "HANGUP\n",
            "(",
            ")",
        ),
    ),
    "ami": Target(
        ami,
        (
            *("Asterisk Call Manager/9.0.0\r\n", "\r\n\r\n", "Response: ", "Success", "Error", "Message: "),
            *(
                "Event: ",
                "ActionID: t-1",
                "ActionID: t-2",
                "Response: Success\r\nActionID: t-4\r\n",
                "DialBegin",
                "DialState",
                "DestUniqueid: ",
                "Hangup",
            ),
            *(
                "DestChannel: PJSIP/c-1",
                "HangupRequest",
                "Newstate",
                "ChannelState: 6",
                "TechCause: ",
                "Cause: ",
            ),
            *(
                "Uniqueid: ",
                "DialStatus: ",
                "EventList: start",
                "EventList: Complete",
                "ChanVariable: ",
                "Output: ",
            ),
        ),
    ),
    "event_socket": Target(
        event_socket,
        (
            *("Content-Type: ", "Content-Length: ", "auth/request", "command/reply", "api/response", "\n\n"),
            *("text/event-json", "text/event-plain", "text/disconnect-notice", "text/rude-rejection"),
            *("Event-Name: ", "CHANNEL_ORIGINATE", "CHANNEL_HANGUP_COMPLETE", "CHANNEL_DATA", "Unique-ID: "),
            *("variable_sip_term_status: ", "Reply-Text: ", '{"Event-Name":"', "%0A"),
        ),
    ),
    "config": Target(
        config,
        (
            *(
                "pbx: ",
                "asterisk",
                "freeswitch",
                "trunks:",
                "- match: ",
                "policy:",
                "outcomes:",
                "busy:",
                "redial: ",
            ),
            *(
                "cut: ",
                "country: ",
                "settling:",
                "&a ",
                "*a",
                "<<: ",
                "!!python/",
                "!!binary ",
                "!!timestamp ",
            ),
        ),
    ),
    "label_file": Target(
        label_file,
        (
            "file,start_time,hard_target,soft_speech,soft_music,soft_ringing,soft_silence",
            *(
                ",agreement,ambiguous,teacher,group,fold,weight",
                "speech",
                "ringing",
                "nan",
                "inf",
                '"',
                ",0.25",
                "1e",
            ),
        ),
    ),
    "model_card": Target(
        model_card,
        (
            '"sha256":',
            '"feature_version":',
            '"classes":',
            '"sklearn_version":',
            '"calibration":',
            '{"temperature":',
        ),
    ),
    "announcement_folder": Target(
        announcement_folder,
        (
            "announcements:",
            "- name: ",
            "files: [",
            "a.wav",
            "../",
            "out/",
            "/etc/",
            "cause: ",
            "redial: ",
            "trunk: ",
        ),
    ),
}
