"""Linear audio that has come out of G.711 goes back into it: half the size, and not a sample is changed."""

import numpy as np
from numpy.typing import NDArray

from agent.hearing.pcm import Decoder
from agent.hearing.sound import Encoding


def _code_words(law: Encoding) -> NDArray[np.int16]:
    """The code word that decodes to each 16-bit sample, by the sample as unsigned number; -1 for none."""
    samples = np.round(Decoder(law).decode(bytes(range(256))) * 32768).astype(np.int32)
    table = np.full(65_536, -1, np.int16)
    table[samples & 0xFFFF] = np.arange(256)
    return table


_CODE_WORDS = {law: _code_words(law) for law in (Encoding.ULAW, Encoding.ALAW)}


def packed(encoding: Encoding, data: bytes) -> tuple[Encoding, bytes]:
    """Return the same samples in G.711 if every one of them is one of its levels, else what was given."""
    if encoding is Encoding.SLIN8 and len(data) % 2 == 0:
        samples = np.frombuffer(data, "<u2")
        for law, table in _CODE_WORDS.items():
            words = table[samples]
            if words.min(initial=0) >= 0:
                return law, words.astype(np.uint8).tobytes()
    return encoding, data
