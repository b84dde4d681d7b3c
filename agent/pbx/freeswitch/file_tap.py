"""The tap that reads a file while FreeSWITCH still writes it."""

import os

from agent.hearing.sound import Encoding
from agent.pbx.descriptor_tap import READ_BYTES, DescriptorTap

FILLING = b"\xff" * 80
"""10 ms of what FreeSWITCH fills a native recording with while no RTP comes: silence in mu-law ..."""
ALAW_SILENCE = b"\xd5" * 80
"""... but a constant of 2.6 % in A-law, whose silence this is (ITU-T G.711)."""


class FileTap(DescriptorTap):
    """A growing file on tmpfs, read from its beginning; satisfies `agent.pbx.port.Tap`.

    Between ticks the file keeps the bytes. Its end is no end of the leg: more may come, so only `close` ends
    it, and lets go of its memory.
    """

    __slots__ = ()

    def read(self) -> bytes:
        """Return the audio that was written since the last read; never block or raise."""
        if self.ended:
            return b""
        try:
            data = os.read(self._fd, READ_BYTES)
        except OSError:
            self.close()
            return b""
        return data.replace(FILLING, ALAW_SILENCE) if self._encoding is Encoding.ALAW else data
