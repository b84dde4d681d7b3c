"""`earlymedia classify`: judged recordings as a table, as JSON, or as pictures."""

import json
import os
import sys
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from rich.console import Console
from rich.progress import track
from rich.table import Table
from rich.text import Text

from agent.announcements.announcement import Announcement
from agent.announcements.library import Library
from agent.config import Config
from agent.hearing.ear import Ear
from agent.hearing.forest import Forest
from agent.hearing.sound import HeardSecond, Sound
from agent.hearing.tones import ToneEar
from agent.recording.judge import Judged, judge
from agent.recording.load import RecordingError
from agent.verdict.evidence import LETTER

COLOUR = {Sound.RINGING: "cyan", Sound.SPEECH: "green", Sound.MUSIC: "magenta", Sound.SILENCE: "bright_black"}
"""How a second of each class is shown, everywhere."""
SHOWN_SECONDS = 60


def strip(seconds: Sequence[HeardSecond]) -> Text:
    """Draw seconds as one coloured letter each, those of the journal."""
    text = Text()
    for second in seconds[:SHOWN_SECONDS]:
        text.append(LETTER[second.sound], COLOUR[second.sound])
    if len(seconds) > SHOWN_SECONDS:
        text.append("…")
    return text


def classify_and_show(
    files: Sequence[Path], config: Config, as_json: bool, plot: Path | None, country: str | None = None
) -> bool:
    """Judge files and show them; files that cannot be read are named at the end. Say whether any was.

    `country` is the ISO 3166-1 code of the country whose tones they hold, None for any.
    """
    ear = Ear(Forest.load(config.model.path), tone_ear=ToneEar())
    announcements = _known_to(ear, config.announcements.file)
    settling, policy = config.settling.settling, config.policy_of(None)
    if plot is not None:
        from agent.recording.plot import draw

        plot.mkdir(parents=True, exist_ok=True)
    table = _table()
    faults: list[str] = []
    errors = Console(stderr=True)
    shown: Iterable[Path] = (
        track(files, "hearing", console=errors, transient=True) if errors.is_terminal else files
    )
    for file in shown:
        try:
            judged = judge(file, ear, settling, policy, announcements, country)
        except RecordingError as error:
            faults.append(str(error))
            continue
        if plot is not None:
            draw(judged, plot / f"{file.name}.png")
        if as_json:
            sys.stdout.write(json.dumps(judged.as_json()) + "\n")
        else:
            _add(table, judged)
    if not as_json and table.row_count:
        Console().print(table)
    for fault in faults:
        errors.print(f"earlymedia: {fault}", soft_wrap=True, highlight=False, markup=False)
    return bool(faults)


def _known_to(ear: Ear, library: Path) -> Mapping[str, Announcement]:
    """Let an ear know a library's announcements; where there is none, or it is not ours to read, none."""
    if not os.access(library, os.R_OK):
        return {}
    with Library(library) as opened:
        snapshot = opened.snapshot()
    ear.known = snapshot.known
    return {announcement.name: announcement for announcement in snapshot.announcements}


def _table() -> Table:
    table = Table(box=None, header_style="bold", pad_edge=False)
    for heading in ("file", "heard, a letter a second", "outcome", "sure", "at", "SIP", "Q.850", "redial"):
        table.add_column(heading, overflow="fold")
    return table


def _add(table: Table, judged: Judged) -> None:
    verdict, decision = judged.verdict, judged.decision
    after = f" after {decision.redial_after} s" if decision.redial_after else ""
    table.add_row(
        judged.file.name,
        strip(judged.seconds),
        Text(verdict.spelled),
        f"{verdict.confidence:.2f}",
        "" if verdict.final_at is None else f"{verdict.final_at:.1f} s",
        "" if decision.sip_code is None else str(decision.sip_code),
        "" if decision.q850_cause is None else str(decision.q850_cause),
        decision.redial.value + after,
    )
