"""Recordings of the user's own, with the labels that they came with, as part of a corpus."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath

import numpy as np

from agent.hearing.pcm import SAMPLE_RATE
from agent.hearing.spectrogram import LOOKAHEAD
from agent.train.corpus.channel import draw_channel, transmit
from agent.train.corpus.conditions import Conditions
from agent.train.corpus.material import read_pcm16
from agent.train.corpus.plan import OwnFolder, Plan
from agent.train.corpus.synth import Recording
from agent.train.corpus.truth import block_power
from agent.train.errors import MaterialError
from agent.train.labels.label_table import Row, read_rows


@dataclass(frozen=True, slots=True)
class OwnRecording:
    """One file and what its label file says of it."""

    path: Path
    file: str
    """Path below the corpus' audio folder."""
    rows: tuple[Row, ...]
    rules: OwnFolder
    number: int
    """Of all that are the user's own, from 0 on."""


def find_own(plan: Plan) -> list[OwnRecording]:
    """List the recordings of all own folders, in the order of the plan and of their label files.

    A second without a group belongs to a group of its file. Folds that are given stay, the others are for
    training to deal.

    Raises:
        MaterialError: a label file cannot be read or is empty, or a recording that it names is missing.
    """
    return [
        replace(one, number=number)
        for number, one in enumerate(
            one for index, rules in enumerate(plan.own) for one in _find(rules, f"own{index + 1}")
        )
    ]


def _find(rules: OwnFolder, name: str) -> Iterator[OwnRecording]:
    rows: dict[str, list[Row]] = {}
    for row in read_rows(rules.labels):
        rows.setdefault(row.file, []).append(row)
    if not rows:
        raise MaterialError(f"{rules.labels} labels no second: take the folder out of `own`, or label it")
    for file, theirs in rows.items():
        path = rules.folder / file
        if not path.is_file():
            raise MaterialError(
                f"{path} is missing although {rules.labels} labels it: name the right folder in `own`"
            )
        kept = str(PurePosixPath(name, file).with_suffix("")) + ".flac"
        yield OwnRecording(path, kept, tuple(_adopt(theirs, kept, rules, name)), rules, 0)


def _adopt(rows: Sequence[Row], file: str, rules: OwnFolder, name: str) -> Iterator[Row]:
    for row in rows:
        group = row.group or f"{name}/{row.file}"
        yield replace(row, file=file, group=group, weight=row.weight * rules.weight)


def bring_own(own: OwnRecording, plan: Plan) -> Recording:
    """Read one, and send it through a channel if the plan says so.

    Raises:
        MaterialError: it cannot be read, or is shorter than its labels say.
    """
    sound = read_pcm16(own.path).astype(np.float32) / np.float32(32768)
    end = max(row.second.start for row in own.rows) + 1
    if len(sound) < end * SAMPLE_RATE:
        raise MaterialError(
            f"{own.path} lasts {len(sound) / SAMPLE_RATE:.2f} s but {own.rules.labels} labels {end} s of it: "
            "label it again"
        )
    sound = np.concatenate((sound, np.zeros(max(0, end * SAMPLE_RATE + LOOKAHEAD - len(sound)), np.float32)))
    channel = None
    if own.rules.channel:
        rng = np.random.default_rng([plan.seed, 4, own.number])
        # Pauses make a recording no softer: what counts is the level of its louder tenth.
        loud = float(np.quantile(block_power(sound), 0.9))
        level = max(-60.0, 10 * np.log10(loud + 1e-12))
        channel = draw_channel(rng, float(rng.uniform(*own.rules.gain_db)), plan.channel, level)
        sound = transmit(sound, channel)
    folds = {row.fold for row in own.rows}
    fold = folds.pop() if len(folds) == 1 else None
    return Recording(sound, own.rows, Conditions(own.file, fold, None, channel))
