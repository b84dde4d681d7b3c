"""Which calls are kept, and how much of them."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
import soundfile

from agent.config import Config, parse
from agent.hearing.ear import Stream
from agent.hearing.sound import Encoding, HeardSecond
from agent.pbx.port import CarrierFinal, Leg, Signal, TapKind
from agent.service.call import Call
from agent.service.harvest import Harvest
from agent.service.kept import KeptCall
from agent.service.privacy import NumberKey
from agent.verdict.outcome import Outcome
from agent.verdict.settling import Settling
from tests.pbx.tape import Tape

NUMBER = "03012345678"
KEY = NumberKey(bytes(32))
RINGING = (0.9, 0.05, 0.03, 0.02)


class Site:
    """A harvest by a configuration that can be changed."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.config = self.configured()
        self.now = 1000.0
        self.harvest = Harvest(lambda: self.config, KEY, clock=lambda: self.now)

    def configured(self, *, keep: str = "true") -> Config:
        return parse(
            f"""
            trunks:
              - {{match: "PJSIP/kept-*", name: kept, keep_audio: {keep}}}
              - {{match: "PJSIP/*"}}
            harvest: {{folder: {self.folder}}}
            """,
            "config.yaml",
        )

    def begin(self, channel: str = "PJSIP/kept-00000001", tap: Tape | None = None) -> Call:
        call = Call(Leg("1.1", channel, "PJSIP/kept", NUMBER), Settling(), began=0.0)
        call.signal(Signal.PROGRESS, 0.0)
        self.attach(call, tap or Tape())
        return call

    def attach(self, call: Call, tap: Tape) -> None:
        assert call.attach(tap)
        self.harvest.tapped(call)

    def play(self, call: Call, seconds: int, *, at_once: bool = False) -> None:
        assert isinstance(call.stream, Stream)
        for _ in range(1 if at_once else seconds):
            data = bytes(range(250)) * 64 * (seconds if at_once else 1)
            self.now += 1.0
            self.harvest.came(call, data)
            call.stream.samples_heard += len(data) // 2
        first = call.evidence.seconds_heard
        heard = [HeardSecond(float(first + n), RINGING) for n in range(seconds)]
        self.harvest.heard(call, heard)
        call.hear(heard)

    def kept(self) -> list[Path]:
        self.harvest.keeper.close()
        return sorted(self.folder.glob("*.wav"))


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    site = Site(tmp_path / "harvest")
    yield site
    site.harvest.keeper.close()


def line(recording: Path) -> KeptCall:
    return KeptCall.model_validate_json(recording.with_suffix(".json").read_bytes())


def test_a_call_of_a_trunk_that_asks_for_it_is_kept_with_what_was_heard(site: Site) -> None:
    call = site.begin()
    site.play(call, 4)
    call.end(CarrierFinal(486, 17), 5.0)
    site.harvest.ended(call, "kept")
    (recording,) = site.kept()
    assert soundfile.info(recording).frames == 4 * 8000
    kept = line(recording)
    assert (kept.trunk, kept.outcome, kept.carrier_sip_code) == ("kept", Outcome.RINGING, 486)
    assert (kept.seconds, kept.p) == ("rrrr", (RINGING,) * 4)


def test_another_trunk_is_not_kept(site: Site) -> None:
    call = site.begin("PJSIP/other-00000001")
    site.play(call, 4)
    call.end(CarrierFinal(486, 17), 5.0)
    site.harvest.ended(call, "other")
    assert site.kept() == []
    assert not site.folder.exists()


def test_nobody_is_kept_unless_asked_for() -> None:
    assert not any(trunk.keep_audio for trunk in parse("trunks: [{match: a}]", "config.yaml").trunks)


def test_neither_number_nor_leg_can_be_read_off_a_recording(site: Site) -> None:
    call = site.begin()
    site.play(call, 2)
    call.end(CarrierFinal(486, 17), 5.0)
    site.harvest.ended(call, "kept")
    (recording,) = site.kept()
    told = recording.name + recording.with_suffix(".json").read_text()
    assert NUMBER not in told
    assert call.leg.id not in json.loads(recording.with_suffix(".json").read_text()).values()
    assert line(recording).number == KEY.digest(NUMBER)  # the journal's own
    assert KEY.digest(call.leg.id)[:16] in recording.name


def test_what_the_callee_may_have_said_before_the_answer_was_known_is_cut_off(site: Site) -> None:
    call = site.begin()
    site.play(call, 6)
    call.answer()
    call.end(CarrierFinal(None, 16), 60.0)
    site.harvest.ended(call, "kept")
    (recording,) = site.kept()
    assert soundfile.info(recording).frames == 3 * 8000  # what was read at the ends of seconds 4, 5 and 6
    assert line(recording).seconds == "rrr"


def test_an_agent_that_stood_still_keeps_nothing_of_what_it_then_reads_at_once(site: Site) -> None:
    call = site.begin()
    site.play(call, 4)
    site.now += 7.0
    site.play(call, 7, at_once=True)  # the callee answered long before
    site.play(call, 1)
    call.answer()
    call.end(CarrierFinal(None, 16), 60.0)
    site.harvest.ended(call, "kept")
    (recording,) = site.kept()
    assert line(recording).seconds == "rrrr"


def test_while_the_pbx_cannot_be_reached_nothing_is_kept(site: Site) -> None:
    call = site.begin()
    site.play(call, 4)
    site.harvest.blind()
    site.play(call, 4)  # who knows whether that is early media
    call.end(CarrierFinal(486, 17), 5.0)
    site.harvest.ended(call, "kept")
    assert site.kept() == []
    assert list(site.folder.iterdir()) == []


def test_a_better_tap_begins_anew(site: Site) -> None:
    call = site.begin()
    site.play(call, 2)
    site.attach(call, Tape(TapKind.EAGI, Encoding.SLIN16))
    site.play(call, 3)
    call.end(CarrierFinal(486, 17), 5.0)
    site.harvest.ended(call, "kept")
    (recording,) = site.kept()
    assert soundfile.info(recording).samplerate == 16_000
    assert line(recording).tap is TapKind.EAGI


def test_switching_it_off_gives_up_what_has_begun(site: Site) -> None:
    call = site.begin()
    site.play(call, 4)
    site.config = site.configured(keep="false")
    site.harvest.reloaded()
    call.end(CarrierFinal(486, 17), 5.0)
    site.harvest.ended(call, "kept")
    assert site.kept() == []
    assert list(site.folder.iterdir()) == []


def test_a_call_that_the_agent_has_let_go_of_is_not_kept(site: Site) -> None:
    call = site.begin()
    site.play(call, 4)
    call.tap = None
    call.end(CarrierFinal(486, 17), 5.0)
    site.harvest.ended(call, "kept")
    assert site.kept() == []
