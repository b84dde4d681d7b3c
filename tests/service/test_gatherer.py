"""Which calls' speech is handed on to be gathered."""

import os
from collections.abc import Iterator
from dataclasses import dataclass, field

import pytest

from agent.config import AnnouncementsConfig
from agent.hearing.sound import HeardSecond
from agent.pbx.asterisk.taps import EagiTap
from agent.pbx.port import CarrierFinal, Leg, Signal, TapKind
from agent.service.announcements import Unexplained
from agent.service.call import Call
from agent.service.gatherer import Gatherer
from agent.verdict.settling import Settling
from tests.verdict.heard import second

SECOND = bytes(16_000)


@dataclass
class Lab:
    """A gatherer whose calls come over a pipe."""

    tap: EagiTap
    config: AnnouncementsConfig = field(default_factory=AnnouncementsConfig)
    gathered: list[Unexplained] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.gatherer = Gatherer(lambda: self.config, self.gathered.append)

    def call(self, timeline: str, *, named: str | None = None) -> Call:
        """A call that was heard like this; `named` is recognised in its last second."""
        call = Call(Leg("1.1", "PJSIP/carrier-1", "PJSIP/carrier", "1"), Settling(), 0.0, trunk="carrier")
        call.signal(Signal.PROGRESS, 0.0)
        call.attach(self.tap)
        self.gatherer.tapped(call)
        for at, letter in enumerate(timeline):
            self.gatherer.came(call, SECOND)
            plain = second(letter, float(at))
            last = named if at == len(timeline) - 1 else None
            heard = [HeardSecond(plain.at, plain.p, announcement=last)]
            self.gatherer.heard(call, heard)
            call.hear(heard)
        return call

    def end(self, call: Call, code: int = 404) -> None:
        call.end(CarrierFinal(code), 9.0)
        self.gatherer.ended(call)


@pytest.fixture
def lab() -> Iterator[Lab]:
    reading, writing = os.pipe()
    tap = EagiTap(reading, TapKind.EAGI)
    yield Lab(tap)
    tap.close()
    os.close(writing)


def test_speech_that_nothing_explains_is_handed_on(lab: Lab) -> None:
    lab.end(lab.call("r...ssss"), 480)
    (gathered,) = lab.gathered
    assert sorted(gathered.starts) == [4.0, 5.0, 6.0, 7.0]
    assert (gathered.trunk, gathered.sip_code, gathered.audio) == ("carrier", 480, b"")


@pytest.mark.parametrize("timeline", ["", "r....r....", "mmmmmsmm", "ss", "ssrrrrrrrr"])
def test_what_rings_or_sings_or_says_little_is_not(lab: Lab, timeline: str) -> None:
    lab.end(lab.call(timeline))
    assert lab.gathered == []


def test_what_is_known_is_not(lab: Lab) -> None:
    lab.end(lab.call("sssss", named="vacant"))
    assert lab.gathered == []


def test_of_an_answered_call_nothing_is(lab: Lab) -> None:
    call = lab.call("sssss")
    call.answer()
    lab.end(call, 200)
    assert lab.gathered == []


def test_nor_while_nobody_knows_who_has_answered(lab: Lab) -> None:
    call = lab.call("sssss")
    lab.gatherer.blind()
    lab.end(call)
    assert lab.gathered == []


def test_audio_comes_along_where_the_configuration_asks_for_it(lab: Lab) -> None:
    lab.config = AnnouncementsConfig(excerpt_seconds=10.0)
    call = lab.call("rrssss.")
    lab.end(call)
    assert [gathered.audio for gathered in lab.gathered] == [4 * SECOND]


def test_what_a_reload_forbids_is_not_handed_on(lab: Lab) -> None:
    lab.config = AnnouncementsConfig(excerpt_seconds=10.0)
    call = lab.call("ssss")
    lab.config = AnnouncementsConfig()
    lab.end(call)
    assert [gathered.audio for gathered in lab.gathered] == [b""]


def test_none_is_followed_where_nothing_gathers(lab: Lab) -> None:
    lab.config = AnnouncementsConfig(most_unknown=0)
    lab.end(lab.call("sssss"))
    assert lab.gathered == []
