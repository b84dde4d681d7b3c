"""Every second of a composed recording is known."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.hearing.sound import SOUNDS, Sound
from agent.train.corpus.truth import BLOCK, BLOCKS_A_SECOND, Track, Truth, block_power, label_seconds

DOMINANCE_DB = 10.0


def track(sound: Sound, *shares: float, level_db: float = -20.0, group: str = "", since: int = 0) -> Track:
    """Be audible for these shares of seconds 0, 1, ..., from their start; there from second `since` on."""
    heard = np.concatenate([np.arange(BLOCKS_A_SECOND) < share * BLOCKS_A_SECOND for share in shares])
    present = np.arange(len(heard)) >= since * BLOCKS_A_SECOND
    return Track(sound, group or f"{sound}/a", present, heard, heard * 10 ** (level_db / 10))


def only(*tracks: Track) -> Truth:
    [found] = label_seconds(tracks, DOMINANCE_DB)
    return found


@pytest.mark.parametrize(
    ("share", "sound", "ambiguous"),
    [
        (0.0, Sound.SILENCE, False),
        (0.04, Sound.SILENCE, False),
        (0.06, Sound.SILENCE, True),
        (0.12, Sound.RINGING, True),
        (0.3, Sound.RINGING, False),
        (1.0, Sound.RINGING, False),
    ],
)
def test_a_tenth_of_a_second_decides(share: float, sound: Sound, ambiguous: bool) -> None:
    found = only(track(Sound.RINGING, share))
    assert (found.second.sound, found.second.ambiguous, found.group) == (sound, ambiguous, "ringing/a")


def test_soft_targets_are_shares_of_the_second() -> None:
    assert only(track(Sound.SPEECH, 0.7)).second.soft == pytest.approx((0, 0.7, 0, 0.3))
    assert only(track(Sound.SPEECH, 0.7)).second.agreement == pytest.approx(0.7)


def test_of_two_sounds_in_turn_the_longer_names_the_second() -> None:
    ringing = track(Sound.RINGING, 1.0, 0.7, 0.0)
    turned = track(Sound.SPEECH, 0.0, 0.3, 1.0)
    heard = turned.heard.copy()
    heard[BLOCKS_A_SECOND : 2 * BLOCKS_A_SECOND] = ~ringing.heard[BLOCKS_A_SECOND : 2 * BLOCKS_A_SECOND]
    speech = Track(turned.sound, turned.group, turned.present, heard, heard.astype(np.float64))
    found = label_seconds([ringing, speech], DOMINANCE_DB)
    assert [truth.second.sound for truth in found] == [Sound.RINGING, Sound.RINGING, Sound.SPEECH]
    assert [truth.second.ambiguous for truth in found] == [False, True, False]
    assert [truth.second.start for truth in found] == [0, 1, 2]
    assert found[1].second.soft == pytest.approx((0.7, 0.3, 0, 0))
    assert found[2].group == "speech/a"


def test_silence_before_a_voice_is_silence_of_the_line() -> None:
    line = track(Sound.SILENCE, 0.0, group="noise/white")
    voice = track(Sound.SPEECH, 0.0, since=1)
    assert only(line, voice).group == "noise/white"


@pytest.mark.parametrize(
    ("voice_db", "sound", "ambiguous"),
    [
        (20.0, Sound.SPEECH, False),
        (11.0, Sound.SPEECH, False),
        (9.0, Sound.SPEECH, True),
        (-9.0, Sound.MUSIC, True),
        (-11.0, Sound.MUSIC, False),
    ],
)
def test_where_two_sound_at_once_the_louder_names_the_second(
    voice_db: float, sound: Sound, ambiguous: bool
) -> None:
    music, voice = track(Sound.MUSIC, 1.0), track(Sound.SPEECH, 1.0, level_db=-20 + voice_db)
    second = only(music, voice).second
    assert (second.sound, second.ambiguous) == (sound, ambiguous)
    share = 1 / (1 + 10 ** (-voice_db / 10))
    assert second.soft == pytest.approx((0, share, 1 - share, 0))


def test_music_in_a_voice_s_pauses_does_not_take_the_second_from_it() -> None:
    music, voice = track(Sound.MUSIC, 1.0), track(Sound.SPEECH, 0.4, level_db=-5.0)
    second = only(music, voice).second
    assert (second.sound, second.ambiguous) == (Sound.SPEECH, False)


@given(
    shares=st.lists(
        st.tuples(st.sampled_from(Sound), st.floats(0, 1), st.floats(-60, 0)), min_size=1, max_size=3
    )
)
def test_soft_targets_of_any_second_add_up(shares: list[tuple[Sound, float, float]]) -> None:
    tracks = [
        track(sound, 0.0 if sound is Sound.SILENCE else share, level_db=level, group=f"g/{number}")
        for number, (sound, share, level) in enumerate(shares)
    ]
    found = only(*tracks)
    assert sum(found.second.soft) == pytest.approx(1)
    assert found.second.agreement == found.second.soft[SOUNDS.index(found.second.sound)]
    assert found.group in {each.group for each in tracks}


def test_power_is_the_mean_square_of_whole_blocks() -> None:
    samples = np.concatenate((np.full(BLOCK, 0.5), np.zeros(BLOCK), np.ones(BLOCK // 2))).astype(np.float32)
    np.testing.assert_allclose(block_power(samples), [0.25, 0.0])
