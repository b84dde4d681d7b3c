"""`earlymedia announcements`: teach the agent what it hears."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, NoReturn

import typer
from pydantic import ValidationError
from rich.console import Console
from rich.table import Column, Table
from rich.text import Text

from agent.announcements import folder as folders
from agent.announcements import gathering
from agent.announcements.announcement import Announcement
from agent.announcements.database import LibraryError
from agent.announcements.library import Library, Shelved
from agent.announcements.listening import Heard, listen
from agent.config import Config, ConfigError, load
from agent.hearing.pcm import Decoder, Samples
from agent.recording.load import RecordingError
from agent.recording.load import load as load_recording
from agent.verdict.causes import CAUSE_NAMES
from agent.verdict.policy import Redial

app = typer.Typer(no_args_is_help=True, pretty_exceptions_enable=False)

DEFAULT_CONFIG = Path("/etc/earlymedia/config.yaml")
LibraryOption = Annotated[
    Path | None, typer.Option("--library", help="The library; the one of the configuration if none is given.")
]
ConfigOption = Annotated[Path, typer.Option("--config", "-c", help="The configuration file.")]
KnownArgument = Annotated[str, typer.Argument(help="The announcement, by what follows `announcement:`.")]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON instead of a table.")]
NameOption = Annotated[str, typer.Option("--name", help="What follows `announcement:` in the outcome.")]
CauseOption = Annotated[
    int | None, typer.Option("--cause", help="Q.850 cause that it means.", min=1, max=127)
]
SipOption = Annotated[
    int | None,
    typer.Option(
        "--sip-code", help="SIP code that it means; the cause's own if not given.", min=100, max=699
    ),
]
RedialOption = Annotated[Redial | None, typer.Option(help="Whether to call the number again.")]
AfterOption = Annotated[int | None, typer.Option(help="Seconds to wait before the next call.", min=0)]
TrunkOption = Annotated[str | None, typer.Option(help="The only trunk that it is known on.")]
LanguageOption = Annotated[str | None, typer.Option(help="Its language, for you to read.")]


def _fail(error: Exception | str) -> NoReturn:
    sentence = "".join(letter if letter.isprintable() else "?" for letter in str(error))
    typer.echo(f"earlymedia: {sentence}", err=True)
    raise typer.Exit(2)


@contextmanager
def _opened(library: Path | None, config: Path) -> Iterator[tuple[Library, Config]]:
    """Open the library; whatever goes wrong with it ends the command in one sentence."""
    try:
        settings = load(config) if library is None or config != DEFAULT_CONFIG else Config()
        with Library(library or settings.announcements.file) as opened:
            yield opened, settings
    except (LibraryError, ConfigError, RecordingError, OSError) as error:
        _fail(error)


@app.command()
def add(
    files: Annotated[list[Path], typer.Argument(help="Recordings of it, in any format.")],
    name: NameOption,
    cause: CauseOption = None,
    sip_code: SipOption = None,
    redial: RedialOption = None,
    redial_after_seconds: AfterOption = None,
    trunk: TrunkOption = None,
    language: LanguageOption = None,
    library: LibraryOption = None,
    config: ConfigOption = DEFAULT_CONFIG,
) -> None:
    """Learn an announcement from one recording of it, or from several."""
    announcement = _announcement(name, cause, sip_code, redial, redial_after_seconds, trunk, language)
    with _opened(library, config) as (opened, _):
        opened.add(announcement, [_read(file) for file in files])
    typer.echo(f"{announcement.outcome} is known.")


@app.command("list")
def list_all(
    as_json: JsonOption = False, library: LibraryOption = None, config: ConfigOption = DEFAULT_CONFIG
) -> None:
    """List the announcements that are known."""
    with _opened(library, config) as (opened, settings):
        shelved = opened.shelved()
    if as_json:
        return typer.echo(json.dumps([_as_json(item, settings) for item in shelved], indent=2))
    table = Table(
        Column("outcome", no_wrap=True),
        "SIP",
        "cause",
        "redial",
        "trunk",
        "language",
        "recordings",
        "seconds",
    )
    for item in shelved:
        decision = item.announcement.decide(settings.policy_of(None))
        redial = decision.redial.value
        redial += f" after {decision.redial_after} s" if decision.redial_after is not None else ""
        table.add_row(
            item.announcement.outcome,
            str(decision.sip_code or ""),
            str(decision.q850_cause or ""),
            redial,
            Text(item.announcement.trunk or ""),
            Text(item.announcement.language or ""),
            str(item.recordings),
            f"{item.seconds:.1f}",
        )
    return Console().print(table)


@app.command()
def show(
    name: KnownArgument,
    as_json: JsonOption = False,
    library: LibraryOption = None,
    config: ConfigOption = DEFAULT_CONFIG,
) -> None:
    """Show one announcement and what a dialer is told about it."""
    with _opened(library, config) as (opened, settings):
        opened.recordings(name)  # says so where there is none
        (item,) = [item for item in opened.shelved() if item.announcement.name == name]
    shown = _as_json(item, settings)
    if as_json:
        return typer.echo(json.dumps(shown, indent=2))
    cause = shown["q850_cause"]
    shown["q850_cause"] = f"{cause} ({CAUSE_NAMES.get(cause, 'no name')})" if isinstance(cause, int) else None
    for key, value in shown.items():
        typer.echo(f"{key:21} {'' if value is None else value}")
    return None


@app.command()
def remove(name: KnownArgument, library: LibraryOption = None, config: ConfigOption = DEFAULT_CONFIG) -> None:
    """Forget an announcement and its recordings."""
    with _opened(library, config) as (opened, _):
        opened.remove(name)
    typer.echo(f"announcement:{name} is forgotten.")


@app.command("test")
def try_files(
    files: Annotated[list[Path], typer.Argument(help="Recordings of calls, in any format.")],
    trunk: Annotated[str | None, typer.Option(help="The trunk that they came from.")] = None,
    as_json: JsonOption = False,
    library: LibraryOption = None,
    config: ConfigOption = DEFAULT_CONFIG,
) -> None:
    """Say which known announcements recordings hold, and when; exits with 1 where one of them holds none."""
    found: dict[Path, list[Heard]] = {}
    with _opened(library, config) as (opened, _):
        snapshot = opened.snapshot()
        for file in files:
            found[file] = listen(snapshot, _read(file), trunk)
    if as_json:
        lines = [
            {
                "file": str(file),
                "announcements": [{"t": h.at, "outcome": h.outcome, "evidence": h.evidence} for h in hits],
            }
            for file, hits in found.items()
        ]
        typer.echo(json.dumps(lines, indent=2))
    else:
        for file, hits in found.items():
            said = [f"{h.outcome} after {h.at:.0f} s (evidence {h.evidence:.2f})" for h in hits]
            typer.echo(f"{file}: {', '.join(said) or 'no known announcement'}")
    raise typer.Exit(0 if all(found.values()) else 1)


@app.command("import")
def import_all(
    folder: Annotated[Path, typer.Argument(help="What `export` wrote, or one that you made like it.")],
    library: LibraryOption = None,
    config: ConfigOption = DEFAULT_CONFIG,
) -> None:
    """Add all announcements of a folder with an announcements.yaml, or none of them."""
    with _opened(library, config) as (opened, _):
        count = folders.import_folder(opened, folder, _read)
    typer.echo(f"{count} announcements are known from {folder}.")


@app.command("export")
def export_all(
    folder: Annotated[Path, typer.Argument(help="A new or empty folder.")],
    library: LibraryOption = None,
    config: ConfigOption = DEFAULT_CONFIG,
) -> None:
    """Write all announcements into a folder, with an announcements.yaml."""
    with _opened(library, config) as (opened, _):
        count = folders.export_folder(opened, folder)
    typer.echo(f"{count} announcements are in {folder}.")


@app.command()
def candidates(
    as_json: JsonOption = False,
    everything: Annotated[bool, typer.Option("--all", help="Also what was heard in fewer calls.")] = False,
    library: LibraryOption = None,
    config: ConfigOption = DEFAULT_CONFIG,
) -> None:
    """List what is heard again and again and has no name yet."""
    with _opened(library, config) as (opened, settings):
        fewest = 1 if everything else settings.announcements.candidate_after_calls
        found = gathering.candidates(opened, fewest)
    if as_json:
        lines = [
            {
                "candidate": c.number,
                "calls": c.calls,
                "first_seen": _when(c.first_seen),
                "last_seen": _when(c.last_seen),
                "seconds": round(c.seconds, 1),
                "excerpt": c.excerpt,
                "sightings": [
                    {"trunk": s.trunk, "sip_code": s.sip_code, "calls": s.calls} for s in c.sightings
                ],
            }
            for c in found
        ]
        return typer.echo(json.dumps(lines, indent=2))
    table = Table(
        "candidate", "calls", "first seen", "last seen", "seconds", "excerpt", "trunk: carrier's code x calls"
    )
    for c in found:
        where = ", ".join(f"{s.trunk}: {s.sip_code or 'none'} x {s.calls}" for s in c.sightings[:5])
        seen = (_when(c.first_seen), _when(c.last_seen))
        table.add_row(
            str(c.number), str(c.calls), *seen, f"{c.seconds:.1f}", "yes" if c.excerpt else "no", Text(where)
        )
    return Console().print(table)


@app.command("name")
def name_candidate(
    candidate: Annotated[int, typer.Argument(help="Its number in the list of `candidates`.")],
    name: Annotated[str, typer.Argument(help="What is to follow `announcement:` in the outcome.")],
    cause: CauseOption = None,
    sip_code: SipOption = None,
    redial: RedialOption = None,
    redial_after_seconds: AfterOption = None,
    trunk: TrunkOption = None,
    language: LanguageOption = None,
    library: LibraryOption = None,
    config: ConfigOption = DEFAULT_CONFIG,
) -> None:
    """Give a candidate a name and a meaning: from then on it is known."""
    announcement = _announcement(name, cause, sip_code, redial, redial_after_seconds, trunk, language)
    with _opened(library, config) as (opened, _):
        gathering.name(opened, candidate, announcement)
    typer.echo(f"{announcement.outcome} is known.")


def _announcement(
    name: str,
    cause: int | None,
    sip_code: int | None,
    redial: Redial | None,
    after: int | None,
    trunk: str | None,
    language: str | None,
) -> Announcement:
    given = {
        "name": name,
        "q850_cause": cause,
        "sip_code": sip_code,
        "redial": redial,
        "redial_after_seconds": after,
        "trunk": trunk,
        "language": language,
    }
    try:
        return Announcement.model_validate({key: value for key, value in given.items() if value is not None})
    except ValidationError as error:
        key = str(error.errors()[0]["loc"][0])
        _fail(
            f"--{key.replace('_', '-')} '{given[key]}' cannot be used; names are lower case letters, digits, "
            "'-' and '_', trunk and language one line of text."
        )


def _read(file: Path) -> Samples:
    encoding, data = load_recording(file)
    return Decoder(encoding).decode(data)


def _as_json(item: Shelved, settings: Config) -> dict[str, object]:
    decision = item.announcement.decide(settings.policy_of(None))
    return {
        "outcome": item.announcement.outcome,
        "sip_code": decision.sip_code,
        "q850_cause": decision.q850_cause,
        "redial": decision.redial.value,
        "redial_after": decision.redial_after,
        "trunk": item.announcement.trunk,
        "language": item.announcement.language,
        "added": _when(item.added),
        "recordings": item.recordings,
        "seconds": round(item.seconds, 1),
    }


def _when(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="seconds")
