"""From the bytes of whole calls to their verdicts, by the shipped forest."""

from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agent.config import Config
from agent.hearing.ear import Ear, Stream
from agent.hearing.forest import Forest
from agent.hearing.pcm import Samples
from agent.hearing.sound import Encoding
from agent.hearing.tones import ToneEar
from agent.verdict.evidence import Evidence, in_order
from agent.verdict.outcome import Outcome
from agent.verdict.settle import Verdict, settle
from tests.hearing.tone_sounds import pause, sound

CALLS: dict[Outcome, Samples] = {
    Outcome.RINGING: sound("425/1 -/4", 14, lead=0.0),
    Outcome.BUSY: sound("480+620/0.5 -/0.5", 6, lead=0.0),
    Outcome.SIT_VACANT: sound("985.2/0.38 1370.6/0.274 1776.7/0.38 | -/2 425/0.1", 3, lead=0.0),
    Outcome.FAX_OR_MODEM: sound("1100/0.5 -/3", 9, lead=0.0),
    Outcome.SILENCE: pause(8),
}
heavy = settings(max_examples=8)


@pytest.fixture(scope="module")
def ear() -> Ear:
    return Ear(Forest.load(Config().model.path), tone_ear=ToneEar())


def slin(samples: Samples) -> bytes:
    return (np.clip(samples, -1.0, 0.999) * 32768).astype("<i2").tobytes()


def listen(ear: Ear, calls: Sequence[bytes], cuts: Sequence[Sequence[int]] = ()) -> list[Verdict]:
    """Hear calls at once, each cut into ticks at these bytes; return what stands at their ends."""
    streams = [Stream(Encoding.SLIN8) for _ in calls]
    kept = [Evidence() for _ in calls]
    edges = [
        [0, *sorted(cut), len(data)] for data, cut in zip(calls, cuts or [[] for _ in calls], strict=True)
    ]
    for tick in range(max(map(len, edges)) - 1):
        chunks = [
            (stream, data[edge[tick] : edge[tick + 1]] if tick + 1 < len(edge) else b"")
            for stream, data, edge in zip(streams, calls, edges, strict=True)
        ]
        for stream, evidence, seconds in zip(streams, kept, ear.hear(chunks), strict=True):
            for heard in in_order(seconds, stream.take_tones()):
                evidence.take_in(heard)
    for evidence in kept:
        evidence.end()
    return [settle(evidence) for evidence in kept]


@pytest.mark.parametrize("outcome", CALLS)
def test_a_plain_call_is_what_it_is(ear: Ear, outcome: Outcome) -> None:
    (verdict,) = listen(ear, [slin(CALLS[outcome])])
    assert verdict.outcome is outcome


@heavy
@given(
    outcome=st.sampled_from([each for each in CALLS if each is not Outcome.SILENCE]), lead=st.floats(0.0, 6.0)
)
def test_leading_silence_changes_nothing_but_the_time(ear: Ear, outcome: Outcome, lead: float) -> None:
    before, after = listen(ear, [slin(CALLS[outcome]), slin(np.concatenate((pause(lead), CALLS[outcome])))])
    assert after.outcome is before.outcome is outcome
    if not outcome.stays_open:
        assert before.final_at is not None
        assert after.final_at == pytest.approx(before.final_at + lead, abs=0.05)


@heavy
@given(cuts=st.lists(st.lists(st.integers(0, 48_000), max_size=12), min_size=len(CALLS), max_size=len(CALLS)))
def test_how_audio_comes_in_batches_changes_nothing(ear: Ear, cuts: list[list[int]]) -> None:
    calls = [slin(samples) for samples in CALLS.values()]
    clipped = [[min(at, len(data)) for at in cut] for data, cut in zip(calls, cuts, strict=True)]
    alone = [listen(ear, [data])[0] for data in calls]
    assert listen(ear, calls, clipped) == alone


@heavy
@given(order=st.permutations(list(CALLS)))
def test_the_order_of_calls_in_a_batch_changes_nothing(ear: Ear, order: list[Outcome]) -> None:
    verdicts = listen(ear, [slin(CALLS[outcome]) for outcome in order])
    assert [verdict.outcome for verdict in verdicts] == order


def test_a_call_that_rings_for_longer_is_no_less_sure(ear: Ear) -> None:
    sure = [
        listen(ear, [slin(sound("425/1 -/4", seconds, lead=0.0))])[0].confidence
        for seconds in (5, 10, 20, 40)
    ]
    assert sure == sorted(sure)
