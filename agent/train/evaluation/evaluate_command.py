"""`earlymedia train evaluate`: a candidate gives a report that convinces, or does not."""

import json
import os
import platform
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import typer

from agent.hearing.sound import SOUNDS
from agent.train.corpus.folder import beside
from agent.train.errors import MaterialError
from agent.train.evaluation.evaluate import Entrant, Evaluation, evaluate
from agent.train.evaluation.evaluate_audio import AudioFolders, draw_seconds, find_conditions, surroundings
from agent.train.evaluation.evaluate_teachers import TeacherLabels, align
from agent.train.evaluation.report import About, Report, Snippet, draw
from agent.train.evaluation.report_sections import html
from agent.train.evaluation.timing import Times, measure
from agent.train.evaluation.timing_hearers import cnn14_hearer, student_hearer
from agent.train.faults import told
from agent.train.labels.label_table import read_rows
from agent.train.progress import progress
from agent.train.student.candidate import MODEL, Candidate, read_candidate
from agent.train.student.examples import find_source
from agent.train.student.strangers import Strangers

PAGE = "report.html"
_SECONDS_OF_EACH = 16
"""Different seconds of each sound that times are measured on."""


def evaluate_candidate(
    candidate: Annotated[Path, typer.Argument(help="A folder made by `fit`.")],
    out: Annotated[Path, typer.Option(help="A new folder for report.html and its pictures.")],
    against: Annotated[
        list[Path] | None, typer.Option(help="Another candidate to stand beside it; many times.")
    ] = None,
    teacher_labels: Annotated[
        list[Path] | None,
        typer.Option(help="What a teacher made of the same recordings (`label`); many times."),
    ] = None,
    audio: Annotated[
        list[Path] | None,
        typer.Option(help="The folder that was fitted on: for times, conditions and pictures of mistakes."),
    ] = None,
    checkpoints: Annotated[
        Path | None, typer.Option(help="Folder with CNN14's published file, to be timed with its weights.")
    ] = None,
    rounds: Annotated[
        int, typer.Option(min=0, help="Turns in which times are measured; 0 for no times.")
    ] = 20,
    with_sound: Annotated[
        bool, typer.Option("--with-sound", help="Let the page play the mistakes: mind whose calls they are.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print all figures as one object.")] = False,
) -> None:
    """Report what a candidate is worth on strangers: one page, its pictures, and all figures as JSON."""
    with told(interrupted=f"interrupted, {out} was not written: give the same command again"):
        folders = AudioFolders.of(audio or [])
        names = _names([candidate, *(against or [])])
        students = {name: _read(folder) for name, folder in names.items()}
        ours = students[next(iter(names))]
        if folders.folders and not any(map(folders.find, set(ours.strangers.file))):
            raise MaterialError(
                f"{folders.folders[0]} holds none of the recordings that {candidate} was judged on, such as "
                f"{ours.strangers.file[0]}: name the folder that `fit` was given, or that above all"
            )
        teachers = [_teacher(path, ours.strangers) for path in teacher_labels or []]
        conditions = find_conditions(ours.strangers.file, folders)
        entrants = [Entrant(name, student.strangers) for name, student in students.items()]
        figures = evaluate(entrants, teachers, conditions)
        with beside(out) as draft:
            times, notes = _time(students, ours.strangers, folders, checkpoints, rounds)
            about = _about(next(iter(names)), ours, candidate / MODEL, notes)
            report = draw(about, figures, times, _snippets(figures, folders))
            _write(draft, report, with_sound)
    if as_json:
        typer.echo(json.dumps(as_object(report)))
    else:
        first = figures.contestants[0]
        typer.echo(
            f"{out / PAGE}: {first.scores.seconds} clear seconds of strangers, macro F1 "
            f"{first.mean_macro_f1:.4f}, worst fold {first.worst_macro_f1:.4f}, {len(report.pngs)} pictures"
        )


def as_object(report: Report) -> dict[str, Any]:
    """Return all figures of a report as one object of plain numbers, texts and lists."""
    return {
        "candidate": report.about.name,
        "facts": dict(report.about.facts),
        "never_heard": report.about.never_heard,
        "machine": report.about.machine,
        "sounds": [sound.value for sound in SOUNDS],
        **asdict(report.evaluation),
        "times_ms": [asdict(times) for times in report.times],
    }


def _names(folders: Sequence[Path]) -> dict[str, Path]:
    """Name candidates by their folders, as short as tells them apart."""
    resolved = [folder.resolve() for folder in folders]
    if len(set(resolved)) < len(resolved):
        raise MaterialError(f"{folders[0]} or another candidate is named twice: name each once")
    short = [folder.name for folder in resolved]
    names = short if len(set(short)) == len(short) else [str(folder) for folder in folders]
    return dict(zip(names, folders, strict=True))


def _read(folder: Path) -> Candidate:
    candidate = read_candidate(folder)
    if candidate.strangers.test_set != candidate.card.test_set:
        raise MaterialError(
            f"{folder} holds a strangers.csv that its card is not about: fit the candidate again with "
            "`earlymedia train fit`"
        )
    return candidate


def _teacher(labels: Path, strangers: Strangers) -> TeacherLabels:
    rows = list(read_rows(find_source(labels).labels))
    name = rows[0].teacher if rows and rows[0].teacher else labels.stem
    return align(strangers, rows, name)


def _time(
    students: dict[str, Candidate],
    strangers: Strangers,
    audio: AudioFolders,
    checkpoints: Path | None,
    rounds: int,
) -> tuple[list[Times], tuple[str, ...]]:
    """Measure times where there is audio, the slowest first; and say what a reader should know of them."""
    seconds = draw_seconds(strangers, audio, _SECONDS_OF_EACH) if rounds else {}
    if not any(seconds.values()):
        return [], ()
    cnn14 = cnn14_hearer(checkpoints)
    notes = () if cnn14 else ("CNN14 is not here: it needs PyTorch, the `cnn14` extra.",)
    hearers = [cnn14] if cnn14 else []
    hearers += [student_hearer(name, each.student, each.card) for name, each in reversed(students.items())]
    with progress("timing", rounds, "rounds") as step:
        times = measure(hearers, seconds, rounds, step)
    return times, (*(hearer.note for hearer in hearers), *notes)


def _snippets(figures: Evaluation, audio: AudioFolders) -> list[Snippet]:
    snippets = []
    for made in figures.mistakes:
        samples = audio.read(made.file)
        if samples is not None:
            snippets.append(Snippet(made, *surroundings(samples, made.start)))
    return snippets


def _about(name: str, candidate: Candidate, model: Path, notes: tuple[str, ...]) -> About:
    card = candidate.card
    settings = asdict(candidate.student.recipe)
    facts = {
        "made": card.created.isoformat(),
        "recipe": ", ".join(f"{setting} {value}" for setting, value in settings.items()),
        "size": f"{model.stat().st_size / 1e6:.1f} MB",
        "sha256": card.sha256,
        "test set": card.test_set,
        "scikit-learn": card.sklearn_version,
        "made of": "; ".join(f"{material.what} ({material.licence})" for material in card.training_data),
    }
    return About(name, tuple(facts.items()), card.never_heard, _machine(), notes)


def _machine() -> str:
    """Name the processor, as far as the system tells."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        lines = []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return f"{names[0] if names else platform.machine()}, {os.cpu_count()} processors"


def _write(folder: Path, report: Report, with_sound: bool) -> None:
    (folder / PAGE).write_text(html(report, with_sound=with_sound), encoding="utf-8")
    (folder / "report.json").write_text(json.dumps(as_object(report), indent=1) + "\n", encoding="utf-8")
    for name, png in report.pngs.items():
        (folder / f"{name}.png").write_bytes(png)
