"""AGI: the environment, commands that cannot be forged, replies of every shape."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.pbx.asterisk import agi
from agent.pbx.asterisk.agi import AgiEnvironment, AgiError, AgiEvent, AgiHangup, AgiReply, AgiSession

ENVIRONMENT = (
    b"agi_request: earlymedia-eagi\n"
    b"agi_channel: PJSIP/carrier-00000021\n"
    b"agi_uniqueid: 1700000000.42\n"
    b"agi_dnid: unknown\n"
    b"agi_enhanced: 1.0\n"
    b"agi_arg_1: job: 7\n"
    b"\n"
)


def told(stream: bytes, cuts: list[int] | None = None) -> list[AgiEvent | str]:
    """All events of a conversation, and the error that ends it."""
    session = AgiSession()
    events: list[AgiEvent | str] = []
    cuts = cuts or []
    try:
        for start, end in zip([0, *cuts], [*cuts, len(stream)], strict=True):
            events.extend(session.feed(stream[start:end]))
    except AgiError:
        events.append("error")
    return events


def reply_to(answer: bytes) -> AgiReply:
    _, reply = told(ENVIRONMENT + answer)
    assert isinstance(reply, AgiReply)
    return reply


def test_the_environment_names_the_channel() -> None:
    (environment,) = told(ENVIRONMENT)
    assert isinstance(environment, AgiEnvironment)
    assert environment.channel == "PJSIP/carrier-00000021"
    assert environment.unique_id == "1700000000.42"


def test_what_the_environment_does_not_say_is_empty() -> None:
    (environment,) = told(b"agi_request: x\n\n")
    assert isinstance(environment, AgiEnvironment)
    assert (environment.channel, environment.unique_id) == ("", "")


@pytest.mark.parametrize(
    ("answer", "reply"),
    [
        (b"200 result=0\n", AgiReply(200, "0", "", "result=0")),
        (b"200 result=1 (SIP 200 OK)\n", AgiReply(200, "1", "SIP 200 OK", "result=1 (SIP 200 OK)")),
        (b"200 result=1 (a (b) c)\n", AgiReply(200, "1", "a (b) c", "result=1 (a (b) c)")),
        (b"200 result=1 ()\n", AgiReply(200, "1", "", "result=1 ()")),
        (b"200 result=1 (two\nlines)\n", AgiReply(200, "1", "two\nlines", "result=1 (two\nlines)")),
        (b"200 result=0 endpos=3200\n", AgiReply(200, "0", "", "result=0 endpos=3200")),
        (b"200 result=-1\r\n", AgiReply(200, "-1", "", "result=-1")),
        (b"510 Invalid or unknown command\n", AgiReply(510, text="Invalid or unknown command")),
        (
            b"511 Command Not Permitted on a dead channel\n",
            AgiReply(511, text="Command Not Permitted on a dead channel"),
        ),
        (b"520 Invalid command syntax.\n", AgiReply(520, text="Invalid command syntax.")),
        (
            b"520-Invalid command syntax.  Usage:\n GET VARIABLE <name>\n520 End of usage.\n",
            AgiReply(
                520,
                text="Invalid command syntax.  Usage:\n GET VARIABLE <name>\n520 End of usage.",
            ),
        ),
        (b"100 Trying\n200 result=1\n", AgiReply(200, "1", "", "result=1")),
    ],
)
def test_replies_of_every_shape(answer: bytes, reply: AgiReply) -> None:
    assert reply_to(answer) == reply


@pytest.mark.parametrize(
    "stream",
    [
        b"HANGUP\n" + ENVIRONMENT + b"200 result=0\n",
        ENVIRONMENT[:30].partition(b"\n")[0]
        + b"\nHANGUP\n"
        + ENVIRONMENT.partition(b"\n")[2]
        + b"200 result=0\n",
        ENVIRONMENT + b"HANGUP\n200 result=0\n",
        ENVIRONMENT + b"200 result=0\nHANGUP\n",
    ],
)
def test_a_hangup_may_come_anywhere_and_shifts_no_reply(stream: bytes) -> None:
    events = told(stream)
    assert sorted(type(event).__name__ for event in events) == ["AgiEnvironment", "AgiHangup", "AgiReply"]


def test_a_hangup_within_a_usage_text_belongs_to_neither() -> None:
    events = told(ENVIRONMENT + b"520-Usage:\nHANGUP\n520 End\n200 result=1\n")
    assert events[1] == AgiHangup()
    assert [event.code for event in events if isinstance(event, AgiReply)] == [520, 200]


CONVERSATION = (
    ENVIRONMENT + b"200 result=1 (a\nb)\nHANGUP\n520-Wrong\nUsage\n520 End\r\n100 Trying\n511 Dead\n"
)


def test_every_cut_in_two_tells_the_same() -> None:
    whole = told(CONVERSATION)
    assert len(whole) == 5
    assert all(told(CONVERSATION, [cut]) == whole for cut in range(len(CONVERSATION) + 1))


@given(st.binary(max_size=400) | st.text("agi_:HANGUP520 result=-()\n").map(str.encode), st.data())
def test_garbage_tells_the_same_however_it_is_cut(garbage: bytes, data: st.DataObject) -> None:
    stream = data.draw(st.sampled_from([b"", ENVIRONMENT])) + garbage
    cuts = sorted(data.draw(st.lists(st.integers(0, len(stream)), max_size=6)))
    assert told(stream, cuts) == told(stream)


@pytest.mark.parametrize(
    ("stream", "says"),
    [
        (b"GET / HTTP/1.1\n", "reads agi_name: value, not 'GET / HTTP/1.1'"),
        (ENVIRONMENT + b"hello\n", "begins with a code of three digits, not with 'hello'"),
        (b"x" * 20_000, "longer than 16384 bytes"),
        (b"agi_a: " + b"x" * 20_000 + b"\n", "longer than 16384 bytes"),
        (b"".join(b"agi_%d: x\n" % n for n in range(300)), "more than 256 lines"),
        (ENVIRONMENT + b"520-\n" + b"x\n" * 300, "goes on after 257 lines"),
        (ENVIRONMENT + b"200 result=1 (" + b"xxxxxxxx\n" * 3000, "goes on after"),
    ],
)
def test_what_is_no_agi_or_too_much_of_it_is_refused(stream: bytes, says: str) -> None:
    with pytest.raises(AgiError, match=says):
        list(AgiSession().feed(stream))


def test_commands_quote_what_needs_it() -> None:
    assert agi.command("SET", "VARIABLE", "EM", "two words") == b'SET VARIABLE EM "two words"\n'
    assert agi.command("GET", "FULL", "VARIABLE", "${HANGUPCAUSE(PJSIP/c-01,tech)}") == (
        b"GET FULL VARIABLE ${HANGUPCAUSE(PJSIP/c-01,tech)}\n"
    )
    assert agi.command("SET", "VARIABLE", "EM", "") == b'SET VARIABLE EM ""\n'
    assert agi.command("SET", "VARIABLE", "EM", 'a"b\\c') == b'SET VARIABLE EM a\\"b\\\\c\n'


@pytest.mark.parametrize("forged", ["a\nHANGUP", "a\rb", "a\0b", "a\tb"])
def test_no_word_can_forge_another_command(forged: str) -> None:
    with pytest.raises(AgiError, match="must not hold"):
        agi.command("SET", "VARIABLE", "EM", forged)


def test_a_command_that_asterisk_would_cut_is_refused() -> None:
    with pytest.raises(AgiError, match="at most 2000 bytes, this one 2019"):
        agi.command("SET", "VARIABLE", "EM", "x" * 2003)
    with pytest.raises(AgiError, match="at least one word"):
        agi.command()


@given(st.lists(st.text(max_size=20), min_size=1, max_size=5))
def test_a_command_is_one_line_or_refused(words: list[str]) -> None:
    try:
        line = agi.command(*words)
    except AgiError:
        return
    assert line.count(b"\n") == 1
    assert line.endswith(b"\n")
