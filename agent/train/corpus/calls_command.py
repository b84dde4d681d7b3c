"""`earlymedia train calls`: whole calls to measure verdicts with."""

from pathlib import Path
from typing import Annotated

import typer

from agent.train.corpus.call_folder import make_calls
from agent.train.corpus.material import find_material
from agent.train.corpus.plan import DEFAULT_PLAN, Materials, read_plan
from agent.train.corpus.store import recordings_of
from agent.train.errors import MaterialError
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
    tones: Annotated[Path | None, typer.Option(help="National tones (E.180) as JSON.")] = None,
    calls: Annotated[int, typer.Option(min=1, help="How many, all kinds in turn.")] = 3000,
    seed: Annotated[int | None, typer.Option(min=0, help="Instead of the plan's.")] = None,
    jobs: Annotated[int, typer.Option(help="Processes; -1 is one for each processor.")] = -1,
) -> None:
    """Compose whole calls, of which is known what should be made of them and when."""
    with told():
        chosen = read_plan(plan)
        found = Materials(
            audio_folder=audio or chosen.material.audio_folder,
            prompt_folders=tuple(prompts or chosen.material.prompt_folders),
            tones_file=tones or chosen.material.tones_file,
        )
        chosen = chosen.model_copy(update={"material": found, "seed": chosen.seed if seed is None else seed})
        if found.tones_file is None:
            raise MaterialError(
                "no table of national tones was named: give --tones, or tones_file in the plan"
            )
        folders = sorted(found.prompt_folders, key=lambda folder: folder.name)
        sources = find_material(
            found.audio_folder, folders, found.tones_file, chosen.seed, chosen.tones, chosen.silence
        )
        with (
            progress("reading", len(recordings_of(sources)), "files") as read,
            progress("composing", calls, "calls") as composed,
        ):
            made = make_calls(folder, chosen, sources, calls, Workers(jobs), (read, composed))
    typer.echo(f"{folder}: {len(made)} calls, {sum(record.seconds for record in made) / 3600:.1f} hours")
