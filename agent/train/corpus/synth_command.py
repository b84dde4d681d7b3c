"""`earlymedia train synth`: a labelled corpus, as a plan says."""

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from agent.train.corpus.attribution import attribute
from agent.train.corpus.compose_job import make_corpus
from agent.train.corpus.folder import Excluded, Material, Origin
from agent.train.corpus.material import Source
from agent.train.corpus.material_options import (
    AudioOption,
    PromptsOption,
    SeedOption,
    SongsOption,
    TonesOption,
    by_name,
    choose,
    find_sources,
    named,
    tones_of,
)
from agent.train.corpus.national_tones import read_national
from agent.train.corpus.own import OwnRecording, find_own
from agent.train.corpus.plan import DEFAULT_PLAN, Plan, read_plan
from agent.train.corpus.store import recordings_of
from agent.train.corpus.synth import family_of
from agent.train.errors import MaterialError
from agent.train.faults import told
from agent.train.parallel import Workers
from agent.train.progress import progress
from agent.train.worker_options import ProcessesOption


def synth(
    corpus: Annotated[Path, typer.Argument(help="A new folder for the corpus.")],
    plan: Annotated[Path, typer.Option(help="What it is to hold, as YAML.")] = DEFAULT_PLAN,
    audio: AudioOption = None,
    prompts: PromptsOption = None,
    songs: SongsOption = None,
    tones: TonesOption = None,
    recordings: Annotated[int | None, typer.Option(min=1, help="How many, instead of the plan's.")] = None,
    hours: Annotated[float | None, typer.Option(min=0.01, help="How many hours, instead.")] = None,
    seed: SeedOption = None,
    jobs: ProcessesOption = -1,
) -> None:
    """Compose a labelled corpus: tones, voices, songs and silence through telephone channels."""
    with told():
        chosen = choose(read_plan(plan), named(audio, prompts, songs, tones), recordings, hours, seed)
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
    tones = tones_of(found)
    packages = [*by_name(found.prompt_folders), *by_name(found.song_folders)]
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
