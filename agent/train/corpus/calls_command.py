"""`earlymedia train calls`: whole calls to measure verdicts with."""

from pathlib import Path
from typing import Annotated

import typer

from agent.train.corpus.call_folder import make_calls
from agent.train.corpus.material_options import (
    AudioOption,
    PromptsOption,
    SeedOption,
    SongsOption,
    TonesOption,
    choose,
    find_sources,
    named,
)
from agent.train.corpus.plan import DEFAULT_PLAN, read_plan
from agent.train.corpus.store import recordings_of
from agent.train.faults import told
from agent.train.parallel import Workers
from agent.train.progress import progress
from agent.train.worker_options import ProcessesOption


def compose_calls(
    folder: Annotated[Path, typer.Argument(help="A new folder for the calls.")],
    plan: Annotated[Path, typer.Option(help="Material, folds and lines, as for `synth`.")] = DEFAULT_PLAN,
    audio: AudioOption = None,
    prompts: PromptsOption = None,
    songs: SongsOption = None,
    tones: TonesOption = None,
    calls: Annotated[int, typer.Option(min=1, help="How many, all kinds in turn.")] = 3000,
    seed: SeedOption = None,
    jobs: ProcessesOption = -1,
) -> None:
    """Compose whole calls, of which is known what should be made of them and when."""
    with told():
        chosen = choose(read_plan(plan), named(audio, prompts, songs, tones), seed=seed)
        sources = find_sources(chosen)
        with (
            progress("reading", len(recordings_of(sources)), "files") as read,
            progress("composing", calls, "calls") as composed,
        ):
            made = make_calls(folder, chosen, sources, calls, Workers(jobs), (read, composed))
    typer.echo(f"{folder}: {len(made)} calls, {sum(record.seconds for record in made) / 3600:.1f} hours")
