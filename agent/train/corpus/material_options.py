"""What `synth` and `calls` compose from: the options that name it, and the plan that they outrank."""

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from agent.train.corpus.material import Source, find_material
from agent.train.corpus.plan import Materials, Plan
from agent.train.errors import MaterialError

AudioOption = Annotated[Path | None, typer.Option(help="Folder with music/ and speech/.")]
PromptsOption = Annotated[
    list[Path] | None, typer.Option(help="An unpacked Debian package, or what `render` made; many times.")
]
SongsOption = Annotated[
    list[Path] | None, typer.Option(help="An unpacked Debian package of a game, for its music; many times.")
]
TonesOption = Annotated[Path | None, typer.Option(help="National tones (E.180) as JSON.")]
SeedOption = Annotated[int | None, typer.Option(min=0, help="Instead of the plan's.")]


def named(
    audio: Path | None, prompts: Sequence[Path] | None, songs: Sequence[Path] | None, tones: Path | None
) -> Materials:
    """Return the material that the words of a command name."""
    return Materials(
        audio_folder=audio,
        prompt_folders=tuple(prompts or ()),
        song_folders=tuple(songs or ()),
        tones_file=tones,
    )


def choose(
    plan: Plan,
    outranking: Materials,
    recordings: int | None = None,
    hours: float | None = None,
    seed: int | None = None,
) -> Plan:
    """Let the words of the command outrank those of the plan."""
    if recordings is not None and hours is not None:
        raise MaterialError("--recordings and --hours say the same thing twice: give one of them")
    if hours is not None:
        recordings = math.ceil(hours * 3600 / plan.recording_s)
    material = plan.material.model_copy(update={key: value for key, value in outranking if value})
    chosen = {"material": material, "recordings": recordings, "seed": seed}
    return plan.model_copy(update={key: value for key, value in chosen.items() if value is not None})


def find_sources(plan: Plan) -> list[Source]:
    """Gather what a plan names, in the order of the folders' names.

    Raises:
        MaterialError: no table of tones is named, or some of it cannot be read.
    """
    found = plan.material
    return find_material(
        found.audio_folder,
        by_name(found.prompt_folders),
        tones_of(found),
        plan.seed,
        plan.tones,
        plan.silence,
        songs=by_name(found.song_folders),
    )


def tones_of(found: Materials) -> Path:
    """Return the table of national tones. Raises MaterialError where none is named."""
    if found.tones_file is None:
        raise MaterialError("no table of national tones was named: give --tones, or tones_file in the plan")
    return found.tones_file


def by_name(folders: Sequence[Path]) -> list[Path]:
    """Return folders in the order in which they are read, wherever they lie."""
    return sorted(folders, key=lambda folder: folder.name)
