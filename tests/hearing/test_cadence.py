"""What most of the world means by some tones and pauses."""

from itertools import accumulate

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.hearing.cadence import Cadences, Reading
from agent.hearing.tone_lines import Lines
from agent.hearing.tone_runs import Run
from agent.hearing.tone_table import ToneKind, parse_table, world

WORLD = Cadences(world())


def read(*frames: int, hz: tuple[float, ...] = (425.0,), cadences: Cadences = WORLD) -> Reading | None:
    """Read runs given in frames, pauses below 0; the last one goes on."""
    lines = Lines(hz, 3.0 if len(hz) == 1 else 0.0, 0.99)
    starts = accumulate((abs(length) for length in frames), initial=100)
    runs = [
        Run(lines if length > 0 else None, start, abs(length))
        for length, start in zip(frames, starts, strict=False)
    ]
    return cadences.read(runs[:-1], runs[-1])


def most(reading: Reading | None) -> ToneKind:
    assert reading is not None
    return max(reading.votes, key=reading.votes.__getitem__)


@pytest.mark.parametrize(
    ("frames", "hz", "kind"),
    [
        ((64, -256, 64, -30), (425.0,), ToneKind.RINGING),
        ((26, -13, 26, -60), (400.0, 450.0), ToneKind.RINGING),
        ((128, -30), (440.0, 480.0), ToneKind.RINGING),
        ((32, -32, 32, -32, 10), (425.0,), ToneKind.BUSY),
        ((32, -32, 32, -32, 10), (480.0, 620.0), ToneKind.BUSY),
        ((16, -16, 16, -16, 10), (480.0, 620.0), ToneKind.CONGESTION),
        ((13, -13, 13, -39, 13, -13, 13, -13, 10), (425.0,), ToneKind.CONGESTION),
        ((200,), (425.0,), ToneKind.DIAL_TONE),
        ((200,), (350.0, 440.0), ToneKind.DIAL_TONE),
        ((400,), (400.0,), ToneKind.NUMBER_UNOBTAINABLE),
    ],
)
def test_the_tones_of_the_world(frames: tuple[int, ...], hz: tuple[float, ...], kind: ToneKind) -> None:
    assert most(read(*frames, hz=hz)) is kind


def test_countries_that_contradict_each_other_share_the_votes() -> None:
    """480+620 Hz for 0.25 s is congestion in the United States and number unobtainable in the Caribbean."""
    reading = read(16, -16, 16, -16, 10, hz=(480.0, 620.0))
    assert reading
    assert 0.5 < reading.votes[ToneKind.CONGESTION] < 0.7
    assert reading.votes[ToneKind.NUMBER_UNOBTAINABLE] > 0.2
    assert "US" in reading.countries


def test_a_country_decides_what_the_world_disagrees_on() -> None:
    """0.2 s on and off at 425 Hz is congestion to most, busy in Italy."""
    frames = (13, -13, 13, -13, 10)
    assert most(read(*frames)) is ToneKind.CONGESTION
    assert most(read(*frames, cadences=Cadences(world(), "IT"))) is ToneKind.BUSY


def test_only_the_newest_runs_that_belong_together_count() -> None:
    """A ring, cut short by busy."""
    reading = read(64, -100, 32, -32, 32, -32, 10)
    assert most(reading) is ToneKind.BUSY
    assert reading
    assert reading.explained == 4
    assert reading.tones == 2


def test_what_no_network_sounds_is_nothing() -> None:
    assert read(32, -32, 32, hz=(1777.0,)) is None


@pytest.mark.parametrize("tempo", [0.9, 1.0, 1.1])
def test_a_tempo_10_percent_off_is_the_same_tone(tempo: float) -> None:
    frames = [round(tempo * length) for length in (26, -13, 26, -128, 26, -13, 26)]
    reading = read(*frames, -40, hz=(400.0, 450.0))
    assert most(reading) is ToneKind.RINGING
    assert reading
    assert reading.explained == 7


def test_a_table_may_be_one_s_own() -> None:
    table = parse_table(
        "source: mine\ncountries: {XX: Nowhere}\ntones: [{tone: 1234/0.3 -/0.7, busy: XX}]", "mine"
    )
    reading = read(19, -45, 19, -45, 10, hz=(1234.0,), cadences=Cadences(table))
    assert most(reading) is ToneKind.BUSY


_LENGTHS = st.integers(1, 400)


@given(lengths=st.lists(_LENGTHS, min_size=1, max_size=9), hz=st.floats(250, 2300))
def test_any_runs_are_read_as_shares(lengths: list[int], hz: float) -> None:
    frames = [length if at % 2 == 0 else -length for at, length in enumerate(lengths)]
    reading = read(*frames, hz=(hz,))
    if reading is not None:
        assert sum(reading.votes.values()) == pytest.approx(1)
        assert 0 <= reading.tones <= reading.explained < len(frames)
        assert 0 < reading.fit <= 1
