import numpy as np

from agent.demo.g711 import ULAW_SILENCE, ULAW_TO_ALAW, decode_ulaw, encode_ulaw
from agent.hearing.pcm import Decoder
from agent.hearing.sound import Encoding

EVERY_BYTE = bytes(range(256))
EVERY_SAMPLE = np.arange(-32768, 32768).astype(np.int16)


def test_known_code_words() -> None:
    samples = np.array([0, 32767, -32768, 8, -8, 1000, -1000], dtype=np.int16)
    assert encode_ulaw(samples).hex() == "ff8000fe7ece4e"
    assert encode_ulaw(np.zeros(1, dtype=np.int16))[0] == ULAW_SILENCE


def test_every_code_word_survives_but_for_minus_zero() -> None:
    there_and_back = encode_ulaw(decode_ulaw(EVERY_BYTE))
    assert there_and_back == EVERY_BYTE.replace(b"\x7f", b"\xff")


def test_the_error_is_half_a_step_of_the_sample_s_chord_at_most() -> None:
    clipped = np.clip(EVERY_SAMPLE.astype(int), -32635, 32635)
    error = np.abs(decode_ulaw(encode_ulaw(EVERY_SAMPLE)) - clipped)
    chord = np.floor(np.log2(np.abs(clipped) + 132)) - 7
    assert np.all(error <= 2 ** (chord + 2))


def test_the_agent_hears_the_same_samples() -> None:
    heard = Decoder(Encoding.ULAW).decode(EVERY_BYTE)
    np.testing.assert_allclose(heard, decode_ulaw(EVERY_BYTE) / 32768, atol=1e-7)


def test_alaw_is_the_nearest_that_alaw_has() -> None:
    alaw = Decoder(Encoding.ALAW)
    values = np.sort(alaw.decode(EVERY_BYTE))
    wanted = decode_ulaw(EVERY_BYTE) / 32768
    got = alaw.decode(EVERY_BYTE.translate(ULAW_TO_ALAW))
    nearest = np.abs(values[None, :] - wanted[:, None]).min(axis=1)
    # On the border between two code words G.711 rounds towards the larger.
    assert np.all(np.abs(got - wanted) <= nearest + 2 / 32768 * (1 + 64 * np.abs(wanted)))
