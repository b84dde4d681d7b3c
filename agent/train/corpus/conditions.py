"""Under which conditions each recording of a corpus was made: `recordings.csv`, one row a file."""

import csv
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from agent.train.corpus.channel import Channel
from agent.train.corpus.codecs import HARSHEST
from agent.train.corpus.plan import Scene

COLUMNS = (
    *("file", "fold", "scene", "codec", "codecs", "gain_db", "noise", "noise_db", "loss", "concealment"),
    *("band_low_hz", "band_high_hz", "clip_db", "offset", "echo_ms", "echo_db", "voice_db"),
)


@dataclass(frozen=True, slots=True)
class Conditions:
    """How one recording was made."""

    file: str
    """Path below the audio folder."""
    fold: int | None = None
    scene: Scene | None = None
    """None for a recording of the user's own."""
    channel: Channel | None = None
    """None where it was taken as it is."""
    voice_db: float | None = None
    """Level of a voice over music, relative to the music's."""

    def row(self) -> tuple[str, ...]:
        """Return the values of COLUMNS; what does not apply is empty, but no loss is 0."""
        head = (self.file, "" if self.fold is None else str(self.fold), self.scene or "own")
        channel = self.channel
        if channel is None:
            return (*head, *[""] * (len(COLUMNS) - len(head)))
        codecs = [coding.codec for coding in channel.codecs]
        low, high = channel.band_hz or (None, None)
        loss, echo = channel.loss, channel.echo
        return (
            *head,
            next(codec for codec in HARSHEST if codec in codecs),
            "+".join(str(coding) for coding in channel.codecs),
            _number(channel.gain_db),
            channel.noise,
            _number(channel.noise_db),
            _number(loss.share if loss else 0.0),
            loss.concealment if loss else "",
            *map(_number, (low, high, channel.clip_db, channel.offset)),
            _number(echo.delay_ms if echo else None),
            _number(echo.db if echo else None),
            _number(self.voice_db),
        )


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:.4g}"


def write_conditions(path: Path, conditions: Iterable[Conditions]) -> None:
    """Write `recordings.csv`.

    `codec` is the harshest of those in a row, `codecs` all of them with their bit rates; `fold` is empty
    where training is to deal it.
    """
    with path.open("w", newline="", encoding="utf-8") as file:
        table = csv.writer(file, lineterminator="\n")
        table.writerow(COLUMNS)
        table.writerows(each.row() for each in conditions)
