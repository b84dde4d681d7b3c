"""Composed calls on disk.

`audio/` holds the calls (FLAC, 8 kHz, 16 bit), `calls.jsonl` the truth about each, one object a line,
`known/` the announcements that the agent is to be taught before it hears them.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import soundfile
from pydantic import BaseModel, ConfigDict, ValidationError

from agent.hearing.pcm import SAMPLE_RATE
from agent.train.corpus.calls import (
    CallCue,
    ComposedCall,
    Passage,
    Stage,
    compose_call,
    schedule_calls,
    set_stage,
)
from agent.train.corpus.codecs import HARSHEST, Codec, to_pcm16
from agent.train.corpus.folder import beside, write_audio
from agent.train.corpus.material import Source
from agent.train.corpus.plan import Plan
from agent.train.corpus.store import store
from agent.train.errors import MaterialError
from agent.train.parallel import Workers, spread

CALLS, KNOWN = "calls.jsonl", "known"
_AT_ONCE = 16


class CallRecord(BaseModel):
    """One composed call and the truth about it: a line of `calls.jsonl`."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    file: str
    """Path below `audio/`."""
    fold: int
    """The fold that everything in it is from."""
    kind: str
    country: str | None
    """ISO 3166-1 code that is named for the call's trunk."""
    tones: tuple[str, ...]
    """National tones that it plays, as `tones.yaml` writes them, each after its country."""
    codec: Codec
    """The harshest of those on its way."""
    codecs: str
    gain_db: float
    snr_db: float
    """Of its sound over the line's own noise, at the most."""
    loss: float
    """Share of lost packets."""
    seconds: float
    passages: tuple[Passage, ...]

    @classmethod
    def of(cls, call: ComposedCall) -> "CallRecord":
        """Take down what is known of a call."""
        channel = call.channel
        codecs = [coding.codec for coding in channel.codecs]
        return cls(
            file=f"{call.cue.index:05d}.flac",
            fold=call.cue.fold,
            kind=call.cue.kind,
            country=call.cue.country,
            tones=tuple(f"{tone.country} {tone.text}" for tone in call.cue.tones if tone.text),
            codec=next(codec for codec in HARSHEST if codec in codecs),
            codecs="+".join(map(str, channel.codecs)),
            gain_db=round(channel.gain_db, 1),
            snr_db=round(call.snr_db, 1),
            loss=round(channel.loss.share if channel.loss else 0.0, 4),
            seconds=round(len(call.samples) / SAMPLE_RATE, 3),
            passages=call.passages,
        )


@dataclass(frozen=True, slots=True)
class _Composer:
    """Composes calls and writes their audio, in whatever process."""

    folder: Path
    stage: Stage
    seed: int

    def __call__(self, cues: Sequence[CallCue]) -> list[CallRecord]:
        records = []
        for cue in cues:
            call = compose_call(cue, self.stage, self.seed)
            record = CallRecord.of(call)
            write_audio(self.folder, record.file, call.samples)
            records.append(record)
        return records


def make_calls(
    target: Path,
    plan: Plan,
    sources: Sequence[Source],
    calls: int,
    workers: Workers,
    steps: tuple[Callable[[], None], Callable[[], None]] = (lambda: None, lambda: None),
) -> list[CallRecord]:
    """Compose calls into `target`, which must not exist; it is there only when it is whole.

    The bytes do not depend on the workers. The first of `steps` is called for each file of the material that
    was read, the second for each call.

    Raises:
        MaterialError: a recording of the material cannot be read, or `target` cannot be written.
    """
    records: list[CallRecord] = []
    with beside(target) as draft, TemporaryDirectory(dir=draft) as kept:
        stage = set_stage(store(sources, Path(kept), workers, steps[0]).sources, plan)
        (draft / KNOWN).mkdir()
        for entry in stage.library:
            soundfile.write(draft / KNOWN / f"{entry.name}.flac", to_pcm16(entry.speak()), SAMPLE_RATE)
        cues = list(schedule_calls(stage, calls, plan.seed))
        batches = (cues[first : first + _AT_ONCE] for first in range(0, len(cues), _AT_ONCE))
        for batch in spread(workers, _Composer(draft, stage, plan.seed), batches):
            for record in batch:
                records.append(record)
                steps[1]()
        lines = "".join(record.model_dump_json() + "\n" for record in records)
        (draft / CALLS).write_text(lines, encoding="utf-8")
    return records


def read_calls(folder: Path) -> Iterator[CallRecord]:
    """Yield the truth about every call of a folder.

    Raises:
        MaterialError: it is missing or damaged.
    """
    path = folder / CALLS
    try:
        with path.open(encoding="utf-8") as lines:
            for line in lines:
                yield CallRecord.model_validate_json(line)
    except (OSError, ValidationError) as error:
        raise MaterialError(
            f"{path} is missing or damaged: compose the calls again with `earlymedia train calls`"
        ) from error
