"""Recognition: known announcements from any offset, through noise, and never by a shared phrase."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from agent.hearing.known import Known, Title
from agent.hearing.mel import MEL_BANDS, LogMel
from agent.hearing.pcm import SAMPLE_RATE, Samples
from agent.hearing.recognition import COLLECTED_SECONDS, Match, Recollection, identify, recognise
from agent.hearing.tape import Fingerprint
from tests.hearing.speech import noisy, seconds_of, spectra, speech


def learn(*sounds: Samples) -> Known:
    return Known.of([(index, Fingerprint.of(spectra(sound))) for index, sound in enumerate(sounds)])


@pytest.fixture(scope="module")
def known() -> Known:
    return learn(*(speech(seed, 6.0) for seed in range(20)))


def matches(known: Known, sound: Samples, call: Recollection | None = None) -> list[Match | None]:
    call = call or Recollection()
    return [
        recognise(known, [(call, float(at), mel)])[0] for at, mel in enumerate(seconds_of(spectra(sound)))
    ]


@pytest.mark.parametrize("offset", [0, 1, 4321, 12345])
@pytest.mark.parametrize("recording", [3, 11])
def test_three_seconds_from_anywhere_through_noise_are_enough(
    known: Known, recording: int, offset: int
) -> None:
    heard = noisy(speech(recording, 6.0)[offset : offset + 3 * SAMPLE_RATE + 387], 15.0)
    match = matches(known, heard)[2]
    assert match is not None
    assert match.owner == recording


def test_strange_speech_and_noise_are_nobody_s(known: Known) -> None:
    for seed in range(100, 110):
        assert matches(known, speech(seed, 6.0)) == [None] * 5
    assert not any(matches(known, noisy(np.full(40_000, 1e-3, np.float32), -20.0)))


def test_a_shared_second_is_not_the_announcement(known: Known) -> None:
    phrase = speech(4, 6.0)[16_000 : 16_000 + SAMPLE_RATE]
    heard = np.concatenate((speech(200, 3.0), phrase, speech(201, 3.0)))
    assert not any(matches(known, heard))


def test_a_spoken_number_in_the_middle_may_be_any_and_of_any_length() -> None:
    head, tail = speech(1, 3.0), speech(2, 3.0)
    known = learn(np.concatenate((head, speech(50, 2.0), tail)), speech(3, 6.0))
    for number in (speech(60, 1.3), speech(61, 4.0)):
        after = np.concatenate((number, tail, np.zeros(500, np.float32)))
        for heard in (np.concatenate((head, after)), after):
            assert any(m is not None and m.owner == 0 for m in matches(known, heard))


def test_two_that_begin_alike_are_told_apart_only_once_they_differ() -> None:
    same = speech(1, 4.0)
    known = learn(np.concatenate((same, speech(2, 4.0))), np.concatenate((same, speech(3, 4.0))))
    answers = matches(known, np.concatenate((same, speech(3, 4.0))))
    assert answers[:4] == [None] * 4
    assert [m.owner for m in answers if m] == [1] * len([m for m in answers if m])
    assert answers[6] is not None


def test_a_ringing_tail_over_its_beginning_hides_nothing(known: Known) -> None:
    heard = speech(6, 6.0).copy()
    heard[:8000] += (0.1 * np.sin(2 * np.pi * 425 * np.arange(8000) / SAMPLE_RATE)).astype(np.float32)
    assert any(m is not None and m.owner == 6 for m in matches(known, heard)[:4])


def test_what_a_call_may_not_play_is_not_recognised(known: Known) -> None:
    titles = [Title(f"number {owner}", "a" if owner == 3 else None) for owner in known.owners.tolist()]
    of_trunks = replace(known, announcements=tuple(titles))
    assert not any(matches(of_trunks, speech(3, 6.0), Recollection("b")))
    for trunk in ("a", None):
        assert any(matches(of_trunks, speech(3, 6.0), Recollection(trunk)))
    assert any(matches(of_trunks, speech(4, 6.0), Recollection("b")))


def test_what_a_call_may_not_play_is_not_taken_for_what_lies_beside_it() -> None:
    sounds = [speech(seed, 4.0 + seed / 7) for seed in range(14)]
    known = learn(*sounds)
    for owner, sound in enumerate(sounds):
        trunks = tuple(Title(str(other), "a" if other == owner else None) for other in range(14))
        heard = np.concatenate((sound, np.zeros(8000, np.float32)))
        assert not any(matches(replace(known, announcements=trunks), heard, Recollection("b")))
        assert identify(known, Fingerprint.of(spectra(sound)), np.arange(14) != owner) is None


def test_a_batch_gives_what_each_call_alone_gives(known: Known) -> None:
    sounds = [speech(seed, 6.0) for seed in (1, 2, 300)]
    calls = [Recollection() for _ in sounds]
    parts = [seconds_of(spectra(sound)) for sound in sounds]
    for second in range(5):
        together = recognise(
            known, [(call, float(second), part[second]) for call, part in zip(calls, parts, strict=True)]
        )
        assert together == [matches(known, sound)[second] for sound in sounds]


def test_a_new_library_explains_what_was_heard_before_it_too(known: Known) -> None:
    call, parts = Recollection(), seconds_of(spectra(speech(400, 8.0)))
    grown = learn(speech(1, 6.0), speech(400, 8.0))
    answers = [
        recognise(known if at < 3 else grown, [(call, float(at), part)])[0] for at, part in enumerate(parts)
    ]
    assert answers[:3] == [None] * 3
    assert answers[3:] == matches(grown, speech(400, 8.0))[3:]
    assert answers[3] is not None
    assert answers[3].owner == 1


def collected(sound: Samples, without: int = -1) -> Fingerprint:
    """What a call collects of a sound, but for one second."""
    call = Recollection()
    for at, mel in enumerate(seconds_of(spectra(sound))):
        recognise(learn(), [(call, float(at), mel)])
        if at != without:
            call.collect()
    return call.collected()


def test_what_a_call_collected_is_known_again_in_another_call() -> None:
    calls = [collected(noisy(speech(500, 8.0)[777 * seed :], 20.0, seed)) for seed in range(2)]
    known = Known.of([(0, Fingerprint.of(spectra(speech(501, 8.0)))), (1, calls[0])])
    match = identify(known, calls[1])
    assert match is not None
    assert match.owner == 1
    assert identify(known, Fingerprint.of(spectra(speech(502, 8.0)))) is None


def test_a_second_that_is_not_collected_leaves_a_hole(known: Known) -> None:
    whole, holed = collected(speech(3, 6.0)), collected(speech(3, 6.0), without=2)
    assert np.array_equal(holed.prints[:128], whole.prints[:128])
    assert not holed.prints[128:192].any()
    assert np.array_equal(holed.prints[192:], whole.prints[192:])
    assert holed.hashes.size < whole.hashes.size
    assert identify(known, holed) is not None


def test_a_fingerprint_holds_the_first_seconds_only() -> None:
    call, (mel, *_) = Recollection(), seconds_of(spectra(speech(1, 2.0)))
    for at in range(COLLECTED_SECONDS + 20):
        recognise(learn(), [(call, float(at), mel)])
        call.collect()
        call.collect()
    assert len(call.collected().prints) == COLLECTED_SECONDS * 64
    assert len(call.collected({1.0, 3.0, 99.0}).prints) == 3 * 64


def test_nothing_heard_collects_nothing(known: Known) -> None:
    assert identify(known, Recollection().collected()) is None
    assert recognise(known, []) == []


@settings(max_examples=25)
@given(
    arrays(np.float32, (64, MEL_BANDS), elements=st.floats(-90, 0, width=32)),
    st.lists(st.integers(0, 4000), min_size=1, max_size=8, unique=True).map(sorted),
)
def test_any_spectra_at_any_times_are_taken(known: Known, mel: LogMel, times: list[int]) -> None:
    call = Recollection()
    for at in times:
        (match,) = recognise(known, [(call, float(at), mel)])
        assert match is None
        call.collect()
    assert len(call.collected().prints) <= 61 * 64
