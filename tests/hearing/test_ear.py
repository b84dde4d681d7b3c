"""All calls are heard in one pass, and each as if it were alone."""

import tracemalloc
from collections.abc import Sequence
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from agent.hearing.ear import Ear, Stream
from agent.hearing.features import features
from agent.hearing.forest import Forest
from agent.hearing.known import Known, Title
from agent.hearing.pcm import SAMPLE_RATE, Decoder
from agent.hearing.rows import frame_rows, is_silent
from agent.hearing.sound import Encoding, HeardSecond, Sound
from agent.hearing.spectrogram import LOOKAHEAD, power_spectrogram
from agent.hearing.tape import Fingerprint
from agent.hearing.tone_table import ToneKind
from agent.hearing.tones import ToneEar
from agent.hearing.trees import Trees
from tests.hearing.conftest import Small
from tests.hearing.speech import spectra, speech


@pytest.fixture(scope="module")
def forest(tmp_path_factory: pytest.TempPathFactory, small: Small) -> Forest:
    return Forest.load(small.write(tmp_path_factory.mktemp("ear") / "models"))


def noise(seconds: float, seed: int = 0, rate: int = SAMPLE_RATE) -> bytes:
    samples = np.random.default_rng(seed).normal(0, 2000, int(seconds * rate))
    return samples.astype("<i2").tobytes()


def hear(ear: Ear, stream: Stream, pieces: Sequence[bytes]) -> list[HeardSecond]:
    return [second for piece in pieces for second in ear.hear([(stream, piece)])[0]]


def test_a_second_is_heard_once_387_samples_of_the_next_have_come(forest: Forest) -> None:
    ear, stream = Ear(forest), Stream(Encoding.SLIN8)
    data = noise(2)
    almost = 2 * (SAMPLE_RATE + LOOKAHEAD) - 2
    assert ear.hear([(stream, data[:almost])]) == [[]]
    [[second]] = ear.hear([(stream, data[almost : almost + 2])])
    assert (second.at, second.after_gap) == (0.0, False)
    assert sum(second.p) == pytest.approx(1)
    assert stream.samples_heard == SAMPLE_RATE + LOOKAHEAD


def test_a_tone_and_hiss_are_told_apart(forest: Forest) -> None:
    time = np.arange(3 * SAMPLE_RATE) / SAMPLE_RATE
    tone = (6000 * np.sin(2 * np.pi * 425 * time)).astype("<i2").tobytes()
    hiss = np.random.default_rng(0).normal(0, 20, 3 * SAMPLE_RATE).astype("<i2").tobytes()
    ringing, silence = Ear(forest).hear([(Stream(Encoding.SLIN8), tone), (Stream(Encoding.SLIN8), hiss)])
    assert [second.sound for second in ringing] == [Sound.RINGING] * 2
    assert [second.sound for second in silence] == [Sound.SILENCE] * 2
    assert [second.at for second in ringing] == [0.0, 1.0]


@settings(max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(cuts=st.lists(st.integers(0, 3 * 16000), max_size=20), encoding=st.sampled_from(Encoding))
def test_any_cutting_is_heard_alike(forest: Forest, cuts: list[int], encoding: Encoding) -> None:
    data = noise(3.2)
    ear, edges = Ear(forest), [0, *sorted(cuts), len(data)]
    pieces = [data[a:b] for a, b in pairwise(edges)]
    whole = hear(ear, Stream(encoding), [data])
    assert hear(ear, Stream(encoding), pieces) == whole
    assert len(whole) == int(len(data) / encoding.bytes_per_second - LOOKAHEAD / SAMPLE_RATE)


@pytest.mark.parametrize("calls_per_batch", [1, 3, 64])
def test_each_of_many_calls_is_heard_as_if_alone(forest: Forest, calls_per_batch: int) -> None:
    lengths = [0.0, 2.5, 1.0, 3.1, 0.4, 5.2, 1.1]
    calls = [(Stream(Encoding.SLIN8), noise(length, seed)) for seed, length in enumerate(lengths)]
    together = Ear(forest, calls_per_batch).hear(calls)
    alone = [Ear(forest).hear([(Stream(Encoding.SLIN8), data)])[0] for _, data in calls]
    assert together == alone
    assert [len(seconds) for seconds in together] == [0, 2, 0, 3, 0, 5, 1]


def test_ticks_of_more_calls_than_a_batch_has_seconds_are_heard_as_if_alone(forest: Forest) -> None:
    calls, tick = [noise(1.3, seed) for seed in range(7)], 1600
    ear, streams = Ear(forest, 2), [Stream(Encoding.SLIN8) for _ in calls]
    heard: list[list[HeardSecond]] = [[] for _ in calls]
    for at in range(0, 13 * tick, tick):
        told = ear.hear([(stream, data[at : at + tick]) for stream, data in zip(streams, calls, strict=True)])
        for seconds, new in zip(heard, told, strict=True):
            seconds += new
    assert heard == [Ear(forest).hear([(Stream(Encoding.SLIN8), data)])[0] for data in calls]
    assert [len(seconds) for seconds in heard] == [1] * 7


def test_two_minutes_at_once_take_hardly_more_memory_than_one_second(forest: Forest) -> None:
    long = noise(120)
    tracemalloc.start()
    [seconds] = Ear(forest).hear([(Stream(Encoding.SLIN8), long)])
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert [second.at for second in seconds] == list(range(119))
    assert peak < 6e6


def test_a_hundred_calls_that_fell_behind_are_heard_in_six_megabytes(forest: Forest) -> None:
    ear, second = Ear(forest, tone_ear=ToneEar()), noise(1)
    streams = [Stream(Encoding.SLIN8) for _ in range(100)]
    for _ in range(2):  # the second time all that stays is there
        tracemalloc.start()
        ear.hear([(stream, second) for stream in streams])
        stays, most = tracemalloc.get_traced_memory()
        tracemalloc.stop()
    assert most - stays < 6_000_000


def test_nothing_new_is_nothing_heard(forest: Forest) -> None:
    assert Ear(forest).hear([]) == []
    assert Ear(forest).hear([(Stream(Encoding.ULAW), b"")]) == [[]]


def test_a_gap_marks_the_second_it_falls_in_and_the_one_that_runs_into_it(forest: Forest) -> None:
    ear, stream = Ear(forest), Stream(Encoding.SLIN8)
    seconds = hear(ear, stream, [noise(1.5)])
    stream.mark_gap()
    seconds += hear(ear, stream, [noise(0.6)])  # to 2.1 s
    stream.mark_gap()  # within the last 387 samples of second 1, and within second 2
    seconds += hear(ear, stream, [noise(1.95)])  # to 4.05 s
    assert [(s.at, s.after_gap) for s in seconds] == [(0.0, False), (1.0, True), (2.0, True), (3.0, False)]
    assert [s.after_gap for s in hear(ear, stream, [noise(2)])] == [False, False]


def test_a_gap_before_the_first_sample_marks_the_first_second(forest: Forest) -> None:
    stream = Stream(Encoding.SLIN8)
    stream.mark_gap()
    assert [s.after_gap for s in hear(Ear(forest), stream, [noise(2.1)])] == [True, False]


def test_after_a_gap_half_a_sample_is_forgotten(forest: Forest) -> None:
    stream = Stream(Encoding.SLIN8)
    hear(Ear(forest), stream, [noise(0.5) + b"\x7f"])
    stream.mark_gap()
    hear(Ear(forest), stream, [noise(0.5)])
    assert stream.samples_heard == SAMPLE_RATE


def test_a_call_costs_at_most_25_kilobytes(forest: Forest) -> None:
    stream = Stream(Encoding.SLIN16)
    data = noise(0.99, rate=16000)
    hear(Ear(forest), stream, [data[:3200], data[3200:]])
    arrays = [value for part in (stream, stream._framer, stream._decoder) for value in _values(part)]
    arrays += stream._rows
    assert sum(map(len, stream._rows)) > 55
    assert sum(array.nbytes for array in arrays if isinstance(array, np.ndarray)) < 25_000
    assert all(array.base is None for array in arrays if isinstance(array, np.ndarray))


def _values(thing: object) -> list[object]:
    return [getattr(thing, name) for name in type(thing).__slots__]  # type: ignore[attr-defined]


def test_a_candidate_judges_the_same_seconds_and_changes_no_judgement(forest: Forest, small: Small) -> None:
    other = Forest(forest.card, Trees.of([tree.tree_ for tree in small.model.estimators_[:5]]))
    data = noise(2.1)
    [alone] = Ear(forest).hear([(Stream(Encoding.SLIN8), data)])
    [its_own] = Ear(other).hear([(Stream(Encoding.SLIN8), data)])
    ear = Ear(forest, candidate=other)
    [both] = ear.hear([(Stream(Encoding.SLIN8), data)])
    assert [second.p for second in both] == [second.p for second in alone]
    assert [second.candidate_p for second in both] == [second.p for second in its_own]
    ear.candidate = None
    assert ear.hear([(Stream(Encoding.SLIN8), data)]) == [alone]


def test_digital_silence_is_judged_as_every_other_second(forest: Forest) -> None:
    parts = [noise(1.0, seed=1), bytes(2 * SAMPLE_RATE * 3), noise(2.0, seed=2)]
    data = b"".join(parts)
    samples = np.frombuffer(data, "<i2").astype(np.float32) / np.float32(32768)
    rows = frame_rows(power_spectrogram(samples))
    seconds = [rows[at : at + 64] for at in range(0, 64 * 5, 64)]
    expected = forest.predict(features(np.stack(seconds))).tolist()
    heard = hear(Ear(forest, candidate=forest), Stream(Encoding.SLIN8), [data])
    assert sum(map(is_silent, seconds)) == 2
    assert [list(second.p) for second in heard] == expected
    assert [second.candidate_p for second in heard] == [second.p for second in heard]


def test_known_announcements_are_recognised_in_speech(forest: Forest) -> None:
    ear = Ear(forest)
    sounds = [speech(seed, 6.0) for seed in (1, 2)]
    ear.known = Known.of([(0, Fingerprint.of(spectra(sounds[0])))], [Title("vacant", trunk="a")])
    pcm = [(sound * 32767).astype("<i2").tobytes() for sound in sounds]
    whole = ear.hear([(Stream(Encoding.SLIN8), data) for data in pcm])
    assert [second.announcement for second in whole[0] if second.announcement] == ["vacant"]
    assert {second.announcement for second in whole[1]} == {None}
    (elsewhere,) = ear.hear([(Stream(Encoding.SLIN8, trunk="b"), pcm[0])])
    assert {second.announcement for second in elsewhere} == {None}
    stream = Stream(Encoding.SLIN8, trunk="a")
    in_ticks: list[HeardSecond] = []
    for start in range(0, len(pcm[0]), 1600):
        in_ticks += ear.hear([(stream, pcm[0][start : start + 1600])])[0]
    assert in_ticks == whole[0]


def test_what_is_said_is_collected_and_other_sounds_are_not(forest: Forest) -> None:
    ear, stream = Ear(forest), Stream(Encoding.SLIN8)
    ear.known = Known.of([])
    data = (speech(1) * 32767).astype("<i2").tobytes() + noise(5.0)
    (heard,) = ear.hear([(stream, data)])
    said = [second.at for second in heard if second.sound is Sound.SPEECH]
    assert 0 < len(said) < len(heard)
    others = {second.at for second in heard} - set(said)
    assert stream.recollection.collected(said).hashes.size
    assert stream.recollection.collected(others).hashes.size == 0


def test_without_a_library_nothing_is_searched(forest: Forest) -> None:
    stream = Stream(Encoding.SLIN8)
    (heard,) = Ear(forest).hear([(stream, (speech(1) * 32767).astype("<i2").tobytes())])
    assert {second.announcement for second in heard} == {None}
    assert stream.recollection.collected().hashes.size == 0


@pytest.mark.parametrize("encoding", Encoding)
def test_tones_are_told_by_the_stream_that_they_were_heard_on(forest: Forest, encoding: Encoding) -> None:
    rate = 16000 if encoding is Encoding.SLIN16 else 8000
    time = np.arange(5 * rate) / rate
    wave = (6000 * np.sin(2 * np.pi * 425 * time) * (time % 1 < 0.5)).astype("<i2")
    coded = encoding in (Encoding.ULAW, Encoding.ALAW)
    data = nearest_codes(encoding, wave) if coded else wave.tobytes()
    ear, busy, quiet = Ear(forest, tone_ear=ToneEar()), Stream(encoding), Stream(Encoding.SLIN8)
    ear.hear([(busy, data), (quiet, noise(5))])
    assert (busy.told, quiet.told) == (True, False)
    assert {event.kind for event in busy.take_tones()} == {ToneKind.BUSY}
    assert busy.take_tones() == []
    assert quiet.take_tones() == []


def nearest_codes(encoding: Encoding, wave: NDArray[np.int16]) -> bytes:
    values = Decoder(encoding).decode(bytes(range(256)))
    return bytes(np.abs(wave[:, np.newaxis] / 32768 - values).argmin(axis=1).astype(np.uint8))


def test_a_gap_ends_a_cadence(forest: Forest) -> None:
    time = np.arange(8000) / 8000
    cycle = (6000 * np.sin(2 * np.pi * 425 * time) * (time < 0.5)).astype("<i2").tobytes()
    ear, stream = Ear(forest, tone_ear=ToneEar()), Stream(Encoding.SLIN8, country="DE")
    for _ in range(5):
        ear.hear([(stream, cycle)])
        stream.mark_gap()
    assert stream.take_tones() == []
