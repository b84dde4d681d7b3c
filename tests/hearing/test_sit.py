"""Special information tones, fax and modem."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.hearing.sit import fax_or_modem, special_information
from agent.hearing.tone_lines import Lines
from agent.hearing.tone_runs import Run
from agent.hearing.tone_table import ToneKind
from agent.hearing.voice_before import LatelySpoken

CODINGS = {
    ToneKind.SIT_OTHER: ((950.0, 330), (1400.0, 330), (1800.0, 330)),
    ToneKind.SIT_INTERCEPT: ((913.8, 274), (1370.6, 274), (1776.7, 380)),
    ToneKind.SIT_VACANT: ((985.2, 380), (1370.6, 274), (1776.7, 380)),
    ToneKind.SIT_REORDER: ((913.8, 274), (1428.5, 380), (1776.7, 380)),
    ToneKind.SIT_NO_CIRCUIT: ((985.2, 380), (1428.5, 380), (1776.7, 380)),
}


def run(hz: float, milliseconds: float, start: int = 0) -> Run:
    return Run(Lines((hz,), 2.0, 0.99) if hz else None, start, round(milliseconds * 64 / 1000))


@pytest.mark.parametrize("kind", CODINGS)
@pytest.mark.parametrize("pitch", [0.98, 1.0, 1.02])
@pytest.mark.parametrize("tempo", [0.9, 1.0, 1.1])
def test_every_coding_is_told_however_far_the_exchange_is_off(
    kind: ToneKind, pitch: float, tempo: float
) -> None:
    told = special_information([run(hz * pitch, ms * tempo) for hz, ms in CODINGS[kind]])
    assert told
    assert told[0] is kind
    assert told[1] > 0.6


@pytest.mark.parametrize("lost_ms", [(100, 0, 0), (0, 90, 0), (0, 0, 130)])
@pytest.mark.parametrize("kind", list(CODINGS)[1:])
def test_a_segment_that_lost_packets_shorten_is_told_by_its_pitch(
    kind: ToneKind, lost_ms: tuple[int, int, int]
) -> None:
    told = special_information(
        [run(hz, ms - lost) for (hz, ms), lost in zip(CODINGS[kind], lost_ms, strict=True)]
    )
    assert told
    assert told[0] is kind


@pytest.mark.parametrize(
    "segments",
    [((983.0, 270), (1371.0, 190), (1777.0, 380)), ((985.0, 310), (1371.0, 280), (1777.0, 300))],
)
def test_two_segments_that_lost_packets_shorten_are_told_by_their_pitch(
    segments: tuple[tuple[float, float], ...],
) -> None:
    """As heard beside an Asterisk that had more to do than it could."""
    told = special_information([run(hz, ms) for hz, ms in segments])
    assert told
    assert told[0] is ToneKind.SIT_VACANT
    assert told[1] > 0.7


def test_the_first_segment_may_have_begun_before_the_audio_did() -> None:
    first, *others = (run(hz, ms) for hz, ms in CODINGS[ToneKind.SIT_NO_CIRCUIT])
    told = special_information([replace(first, frames=12, cut=True), *others])
    assert told
    assert told[0] is ToneKind.SIT_NO_CIRCUIT


def test_what_comes_before_does_not_matter() -> None:
    segments = [run(hz, ms) for hz, ms in CODINGS[ToneKind.SIT_VACANT]]
    told = special_information([run(425, 1000), run(0, 4000), *segments])
    assert told
    assert told[0] is ToneKind.SIT_VACANT


@pytest.mark.parametrize(
    "segments",
    [
        ((950, 330), (1400, 330)),
        ((1800, 330), (1400, 330), (950, 330)),
        ((950, 330), (0, 330), (1400, 330), (1800, 330)),
        ((950, 60), (1400, 60), (1800, 60)),
        ((660, 330), (1400, 330), (1800, 330)),
    ],
)
def test_what_is_no_sit(segments: tuple[tuple[float, float], ...]) -> None:
    assert special_information([run(hz, ms) for hz, ms in segments]) is None


def test_a_packet_lost_between_segments_does_not_matter() -> None:
    first, second, third = (run(hz, ms) for hz, ms in CODINGS[ToneKind.SIT_VACANT])
    assert special_information([first, run(0, 110), second, third]) is not None


def test_a_key_s_pair_is_no_segment() -> None:
    pair = Run(Lines((941.0, 1336.0), 0.0, 0.99), 0, 21)
    assert special_information([pair, run(1400, 330), run(1800, 330)]) is None


SILENCE = LatelySpoken()


def test_fax_and_modem() -> None:
    pause = run(0, 60)
    assert fax_or_modem([run(1100, 500), run(0, 3000), run(1100, 500)], pause, SILENCE)
    assert fax_or_modem([run(1300, 600), run(0, 1900), run(1300, 600)], pause, SILENCE)
    for hz in (2100, 2225):
        assert fax_or_modem([], run(hz, 1000), SILENCE)
        assert fax_or_modem([run(hz, 1000)], pause, SILENCE)


def test_a_beep_is_no_fax() -> None:
    pause = run(0, 60)
    assert fax_or_modem([run(1100, 500)], pause, SILENCE) is None
    assert fax_or_modem([run(1100, 500), run(0, 1000), run(1100, 500)], pause, SILENCE) is None
    assert fax_or_modem([run(1000, 500), run(0, 3000), run(1000, 500)], pause, SILENCE) is None
    assert fax_or_modem([], run(2100, 500), SILENCE) is None
    assert fax_or_modem([], run(1000, 3000), SILENCE) is None


def test_a_note_of_a_song_is_no_answer_tone() -> None:
    song = LatelySpoken()
    song.take([(0, 190)], 0)
    note = replace(run(2100, 1000, start=200), steady=False)
    assert fax_or_modem([], note, song) is None
    assert fax_or_modem([], note, SILENCE)
    assert fax_or_modem([], replace(note, steady=True), song)
    assert fax_or_modem([], replace(note, frames=100), song)


def damaged(kind: ToneKind, *left: tuple[int, int]) -> list[Run]:
    """Leave from millisecond to millisecond of each segment."""
    runs: list[Run] = []
    for (hz, _), (since, until) in zip(CODINGS[kind], left, strict=True):
        start, frames = round(since * 64 / 1000), round((until - since) * 64 / 1000)
        end = runs[-1].start + runs[-1].frames if runs else start
        runs += [Run(None, end, start - end)] if start > end else []
        runs.append(Run(Lines((hz,), 2.0, 0.99), start, frames))
    return runs


@pytest.mark.parametrize("kind", CODINGS)
def test_little_is_enough_if_all_pitches_and_the_time_it_takes_are_left(kind: ToneKind) -> None:
    told = special_information(damaged(kind, (0, 130), (360, 680), (800, 1060)))
    assert told
    assert told[0] is kind
    assert special_information(damaged(kind, (0, 60), (160, 220), (320, 380))) is None  # too fast
    assert special_information(damaged(kind, (0, 60), (660, 720), (1320, 1400))) is None  # too slow


def test_rising_notes_are_no_sit() -> None:
    """A song's: 0.48, 0.84 and 0.23 s; and three whose intervals are another chord's."""
    assert special_information([run(950, 480), run(1400, 840), run(1800, 230)]) is None
    assert special_information([run(898, 330), run(1431, 330), run(1606, 330)]) is None


@given(st.lists(st.tuples(st.floats(200, 2400), st.floats(20, 2000)), min_size=3, max_size=5))
def test_any_tones_are_a_sit_with_a_confidence_or_none(segments: list[tuple[float, float]]) -> None:
    told = special_information([run(hz, ms) for hz, ms in segments])
    assert told is None or (told[0] in CODINGS and 0 < told[1] <= 1)
