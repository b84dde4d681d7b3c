import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.demo.sip import Media, Message, Payload, SipError, reason_phrase, respond, uri_of

INVITE = (
    b"INVITE sip:5551234@127.0.0.1:15070 SIP/2.0\r\n"
    b"Via: SIP/2.0/UDP 127.0.0.1:15060;branch=z9hG4bK1\r\n"
    b"v: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bK2\r\n"
    b'f: "x" <sip:lab@127.0.0.1>;tag=a\r\n'
    b"To: <sip:5551234@127.0.0.1>\r\n"
    b"i: abc@127.0.0.1\r\n"
    b"CSeq: 7 INVITE\r\n"
    b"Subject: folded\r\n over two lines\r\n"
    b"Content-Length: 4\r\n"
    b"\r\n"
    b"v=0\n"
)

TOKENS = st.text(string.ascii_letters + string.digits, min_size=1, max_size=12)


def test_reads_a_request_with_compact_and_folded_headers() -> None:
    invite = Message.parse(INVITE)
    assert invite.is_request
    assert (invite.method, invite.user, invite.status) == ("INVITE", "5551234", 0)
    assert invite.get("call-id") == "abc@127.0.0.1"
    assert invite.get("Subject") == "folded over two lines"
    assert invite.all("via") == [
        "SIP/2.0/UDP 127.0.0.1:15060;branch=z9hG4bK1",
        "SIP/2.0/UDP 192.0.2.1;branch=z9hG4bK2",
    ]
    assert invite.body == b"v=0\n"


def test_a_response_carries_what_the_transaction_is_known_by() -> None:
    invite = Message.parse(INVITE)
    busy = respond(
        invite, 486, tag="b", contact="sip:carrier@127.0.0.1", extra=[("Reason", "Q.850;cause=17")]
    )
    read = Message.parse(busy.encode())
    assert (read.is_request, read.status, read.method) == (False, 486, "INVITE")
    assert read.start == "SIP/2.0 486 Busy Here"
    assert read.all("via") == invite.all("via")
    assert read.get("to") == "<sip:5551234@127.0.0.1>;tag=b"
    assert read.get("reason") == "Q.850;cause=17"


def test_trying_has_no_tag_and_an_existing_tag_is_kept() -> None:
    invite = Message.parse(INVITE)
    assert "tag" not in respond(invite, 100, tag="b", contact="sip:c@127.0.0.1").get("to")
    again = Message.parse(
        INVITE.replace(b"To: <sip:5551234@127.0.0.1>", b"To: <sip:5551234@127.0.0.1>;tag=z")
    )
    assert respond(again, 200, tag="b", contact="sip:c@127.0.0.1").get("to").endswith(";tag=z")


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\r\n\r\n",
        b"GET / HTTP/1.1\r\n\r\n",
        b"SIP/2.0 abc\r\n\r\n",
        b"SIP/2.0 700 Strange\r\nVia: x\r\nFrom: x\r\nTo: x\r\nCall-ID: x\r\nCSeq: 1 INVITE\r\n\r\n",
        INVITE.replace(b"CSeq", b"X-CSeq"),
        INVITE.replace(b"Subject: ", b"Subject "),
        INVITE.replace(b"INVITE sip", b"INVITE  sip"),
    ],
)
def test_what_is_no_sip_message_is_refused(data: bytes) -> None:
    with pytest.raises(SipError):
        Message.parse(data)


@given(st.binary(max_size=300))
def test_garbage_is_read_or_refused_but_never_worse(data: bytes) -> None:
    for datagram in (data, INVITE + data, INVITE[: len(data)] + data):
        try:
            message = Message.parse(datagram)
        except SipError:
            continue
        assert message.method


@given(
    status=st.integers(100, 699), headers=st.lists(st.tuples(TOKENS, TOKENS)), body=st.binary(max_size=100)
)
def test_what_is_written_is_read_back(status: int, headers: list[tuple[str, str]], body: bytes) -> None:
    needed = [(name, "x") for name in ("Via", "From", "To", "Call-ID")] + [("CSeq", "1 INVITE")]
    extra = [(f"X-{name}", value) for name, value in headers]
    message = Message(f"SIP/2.0 {status} {reason_phrase(status)}", (*needed, *extra), body)
    assert Message.parse(message.encode()) == message


@pytest.mark.parametrize(
    ("address", "uri"),
    [
        ('"Carol" <sip:c@192.0.2.4:5060;transport=udp>;tag=1', "sip:c@192.0.2.4:5060;transport=udp"),
        ("sip:c@192.0.2.4;tag=1", "sip:c@192.0.2.4"),
    ],
)
def test_uri_of_an_address(address: str, uri: str) -> None:
    assert uri_of(address) == uri


def test_media_is_written_and_read_back() -> None:
    offer = Media("127.0.0.1", 20000, (Payload.PCMA, Payload.PCMU))
    assert Media.parse(offer.encode()) == offer


def test_media_of_asterisk_with_codecs_that_we_do_not_speak() -> None:
    sdp = (
        b"v=0\r\no=- 1 2 IN IP4 10.0.0.1\r\ns=Asterisk\r\nc=IN IP4 10.0.0.1\r\nt=0 0\r\n"
        b"m=audio 20010 RTP/AVP 9 8 101\r\na=rtpmap:9 G722/8000\r\na=sendrecv\r\n"
    )
    assert Media.parse(sdp) == Media("10.0.0.1", 20010, (9, 8, 101))


@pytest.mark.parametrize("sdp", [b"", b"v=0\r\n", b"c=IN IP4 10.0.0.1\r\nm=video 1 RTP/AVP 96\r\n"])
def test_media_without_audio_is_refused(sdp: bytes) -> None:
    with pytest.raises(SipError):
        Media.parse(sdp)
