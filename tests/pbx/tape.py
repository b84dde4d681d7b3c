"""A tap for tests that are about what is done with taps, not about what is on them."""

from agent.hearing.sound import Encoding
from agent.pbx.port import TapKind


class Tape:
    """A tap with nothing on it."""

    def __init__(self, kind: TapKind = TapKind.SPY_AUDIOSOCKET, encoding: Encoding = Encoding.SLIN8) -> None:
        self.kind, self.encoding, self.ended = kind, encoding, False

    def read(self) -> bytes:
        return b""

    def close(self) -> None:
        self.ended = True
