"""`earlymedia train calls`: whole calls to measure verdicts with."""

from pathlib import Path
from typing import Annotated

import typer

from agent.train.corpus.call_folder import make_calls
from agent.train.corpus.plan import DEFAULT_PLAN, Materials, read_plan
from agent.train.corpus.store import recordings_of
from agent.train.corpus.synth_command import choose, find_sources
from agent.train.faults import told
from agent.train.parallel import Workers
from agent.train.progress import progress


def compose_calls(
    folder: Annotated[Path, typer.Argument(help="A new folder for the calls.")],
    plan: Annotated[Path, typer.Option(help="Material, folds and lines, as for `synth`.")] = DEFAULT_PLAN,
    audio: Annotated[Path | None, typer.Option(help="Folder with music/ and speech/.")] = None,
    prompts: Annotated[
        list[Path] | None, typer.Option(help="An unpacked Debian package, or what `render` made; many times.")
    ] = None,
    songs: Annotated[
        list[Path] | None,
        typer.Option(help="An unpacked Debian package of a game, for its music; many times."),
    ] = None,
    tones: Annotated[Path | None, typer.Option(help="National tones (E.180) as JSON.")] = None,
    calls: Annotated[int, typer.Option(min=1, help="How many, all kinds in turn.")] = 3000,
    seed: Annotated[int | None, typer.Option(min=0, help="Instead of the plan's.")] = None,
    jobs: Annotated[int, typer.Option(help="Processes; -1 is one for each processor.")] = -1,
) -> None:
    """Compose whole calls, of which is known what should be made of them and when."""
    with told():
        outranking = Materials(
            audio_folder=audio,
            prompt_folders=tuple(prompts or ()),
            song_folders=tuple(songs or ()),
            tones_file=tones,
        )
        chosen = choose(read_plan(plan), outranking, seed=seed)
        sources = find_sources(chosen)
        with (
            progress("reading", len(recordings_of(sources)), "files") as read,
            progress("composing", calls, "calls") as composed,
        ):
            made = make_calls(folder, chosen, sources, calls, Workers(jobs), (read, composed))
    typer.echo(f"{folder}: {len(made)} calls, {sum(record.seconds for record in made) / 3600:.1f} hours")
