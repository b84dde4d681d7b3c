"""The outcomes are an interface: their names and classes do not change by accident."""

import pytest

from agent.verdict.outcome import Outcome, SoundClass


def test_names_are_those_that_dialers_know() -> None:
    assert {str(outcome) for outcome in Outcome} == {
        "ringing",
        "music",
        "busy",
        "congestion",
        "number_unobtainable",
        "sit_intercept",
        "sit_vacant",
        "sit_reorder",
        "sit_no_circuit",
        "sit_other",
        "announcement",
        "fax_or_modem",
        "dial_tone",
        "silence",
        "no_audio",
        "answered",
        "unknown",
    }


@pytest.mark.parametrize(
    ("outcome", "sound_class"),
    [
        (Outcome.RINGING, SoundClass.RINGING),
        (Outcome.BUSY, SoundClass.RINGING),
        (Outcome.SIT_VACANT, SoundClass.RINGING),
        (Outcome.FAX_OR_MODEM, SoundClass.RINGING),
        (Outcome.ANNOUNCEMENT, SoundClass.SPEECH),
        (Outcome.MUSIC, SoundClass.MUSIC),
        (Outcome.SILENCE, SoundClass.SILENCE),
        (Outcome.NO_AUDIO, SoundClass.NONE),
        (Outcome.ANSWERED, SoundClass.NONE),
        (Outcome.UNKNOWN, SoundClass.NONE),
    ],
)
def test_every_outcome_rolls_up_to_a_class(outcome: Outcome, sound_class: SoundClass) -> None:
    assert outcome.sound_class is sound_class


def test_a_call_may_be_cut_only_for_what_can_be_final() -> None:
    never = {outcome for outcome in Outcome if not outcome.may_cut}
    assert never == {
        Outcome.RINGING,
        Outcome.MUSIC,
        Outcome.SILENCE,
        Outcome.NO_AUDIO,
        Outcome.UNKNOWN,
        Outcome.ANSWERED,
    }
