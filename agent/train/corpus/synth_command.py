"""`earlymedia train synth`: a labelled corpus, as a plan says."""

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from agent.train.corpus.attribution import attribute
from agent.train.corpus.compose_job import make_corpus
from agent.train.corpus.folder import Excluded, Material, Origin
from agent.train.corpus.material import Source, find_material
from agent.train.corpus.national_tones import read_national
from agent.train.corpus.own import OwnRecording, find_own
from agent.train.corpus.plan import DEFAULT_PLAN, Materials, Plan, read_plan
from agent.train.corpus.store import recordings_of
from agent.train.corpus.synth import family_of
from agent.train.errors import MaterialError
from agent.train.faults import told
from agent.train.parallel import Workers
from agent.train.progress import progress


def synth(
    corpus: Annotated[Path, typer.Argument(help="A new folder for the corpus.")],
    plan: Annotated[Path, typer.Option(help="What it is to hold, as YAML.")] = DEFAULT_PLAN,
    audio: Annotated[Path | None, typer.Option(help="Folder with music/ and speech/.")] = None,
    prompts: Annotated[
        list[Path] | None, typer.Option(help="An unpacked Debian package, or what `render` made; many times.")
    ] = None,
    songs: Annotated[
        list[Path] | None,
        typer.Option(help="An unpacked Debian package of a game, for its music; many times."),
    ] = None,
    tones: Annotated[Path | None, typer.Option(help="National tones (E.180) as JSON.")] = None,
    recordings: Annotated[int | None, typer.Option(min=1, help="How many, instead of the plan's.")] = None,
    hours: Annotated[float | None, typer.Option(min=0.01, help="How many hours, instead.")] = None,
    seed: Annotated[int | None, typer.Option(min=0, help="Instead of the plan's.")] = None,
    jobs: Annotated[int, typer.Option(help="Processes; -1 is one for each processor.")] = -1,
) -> None:
    """Compose a labelled corpus: tones, voices, songs and silence through telephone channels."""
    with told():
        outranking = Materials(
            audio_folder=audio,
            prompt_folders=tuple(prompts or ()),
            song_folders=tuple(songs or ()),
            tones_file=tones,
        )
        chosen = choose(read_plan(plan), outranking, recordings, hours, seed)
        sources = find_sources(chosen)
        _refuse_unknown_families(chosen, sources)
        own = find_own(chosen)
        origin = _origin(chosen, own)
        with (
            progress("reading", len(recordings_of(sources)), "files") as read,
            progress("composing", chosen.recordings + len(own), "recordings") as composed,
        ):
            made = make_corpus(corpus, chosen, sources, own, origin, Workers(jobs), (read, composed))
    for path in made.empty:
        typer.echo(f"{path} holds no sound: left out", err=True)
    typer.echo(
        f"{corpus}: {made.recordings} recordings, {made.seconds} labelled seconds, {made.groups} groups"
    )


def find_sources(plan: Plan) -> list[Source]:
    """Gather what a plan names, in the order of the folders' names.

    Raises:
        MaterialError: no table of tones is named, or some of it cannot be read.
    """
    found = plan.material
    return find_material(
        found.audio_folder,
        _by_name(found.prompt_folders),
        _tones_of(found),
        plan.seed,
        plan.tones,
        plan.silence,
        songs=_by_name(found.song_folders),
    )


def _tones_of(found: Materials) -> Path:
    if found.tones_file is None:
        raise MaterialError("no table of national tones was named: give --tones, or tones_file in the plan")
    return found.tones_file


def _by_name(folders: Sequence[Path]) -> list[Path]:
    return sorted(folders, key=lambda folder: folder.name)


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


def _refuse_unknown_families(plan: Plan, sources: Sequence[Source]) -> None:
    """Make sure that no share is lost to a misspelt name; the shipped plan's need not all be there."""
    known = {*map(family_of, sources), *read_plan().families}
    if unknown := sorted(plan.families.keys() - known):
        raise MaterialError(
            f"families.{unknown[0]} of the plan is no family of the material ({', '.join(sorted(known))}): "
            "mend its name"
        )


def _origin(plan: Plan, own: Sequence[OwnRecording]) -> Origin:
    found = plan.material
    tones = _tones_of(found)
    packages = [*_by_name(found.prompt_folders), *_by_name(found.song_folders)]
    national = read_national(tones)
    theirs = Material(what=f"{len(own)} recordings of the user's own", by="the user", licence="not said")
    return Origin(
        seed=plan.seed,
        recordings=plan.recordings,
        materials=(*attribute(found.audio_folder, packages, tones), *([theirs] if own else ())),
        plan_sha256=plan.digest(),
        plan=plan.without_paths(),
        tone_sets=national.sets,
        excluded_tones=tuple(
            Excluded(country=one.country, tone=one.tone, reason=one.reason) for one in national.excluded
        ),
    )
