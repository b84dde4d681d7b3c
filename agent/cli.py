"""The `earlymedia` command. Each subcommand loads only what it needs."""

import asyncio
import sys
from pathlib import Path
from typing import Annotated, NoReturn

import typer
from rich.console import Console

from agent import __version__
from agent.config import Config, ConfigError, share_dir

app = typer.Typer(
    name="earlymedia",
    help="Hears the early media of outbound calls and tells the dialer what really happened.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
)

ConfigOption = Annotated[
    Path, typer.Option("--config", "-c", help="The configuration file.", show_default=True)
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON instead of a table.")]
DEFAULT_CONFIG = Path("/etc/earlymedia/config.yaml")


def main() -> None:
    """Run the command; every foreseen fault is one sentence on standard error and exit code 2."""
    if sys.argv[1:2] in ([], ["--help"], ["train"]):  # it loads what training needs
        try:
            from agent.train.commands import app as train
        except ImportError as error:
            if sys.argv[1:2] == ["train"]:
                typer.echo(
                    f"earlymedia: training needs the `train` extra ({error.name} is missing); "
                    "install it with: pip install 'earlymedia-agent[train]'.",
                    err=True,
                )
                sys.exit(2)
        else:
            app.add_typer(train, name="train", help="Make a forest of your own, offline.")
    if sys.argv[1:2] in ([], ["--help"], ["announcements"]):
        from agent.announcements_commands import app as announcements

        app.add_typer(announcements, name="announcements", help="Teach the agent the announcements it hears.")
    app()


def fail(error: Exception | str) -> NoReturn:
    """End with one sentence and exit code 2."""
    typer.echo(f"earlymedia: {error}", err=True)
    raise typer.Exit(2)


def _config(path: Path) -> Config:
    from agent.config import load

    try:
        return load(path)
    except ConfigError as error:
        fail(error)


@app.callback(invoke_without_command=True)
def version(
    show: Annotated[bool, typer.Option("--version", help="Show the version and exit.")] = False,
) -> None:
    """Hears the early media of outbound calls and tells the dialer what really happened."""
    if show:
        typer.echo(f"earlymedia {__version__}")
        raise typer.Exit


@app.command()
def run(config: ConfigOption = DEFAULT_CONFIG) -> None:
    """Run the service until it is told to stop."""
    from agent.hearing.forest import ModelError
    from agent.service import logs
    from agent.service.privacy import KeyFileError
    from agent.service.run import Service

    settings = _config(config)
    logs.configure(settings.log.format, settings.log.level)

    async def serve() -> None:
        await Service(settings, config).run()

    try:
        asyncio.run(serve())
    except (ConfigError, ModelError, KeyFileError, OSError, ValueError) as error:
        fail(error)


@app.command()
def check(
    config: ConfigOption = DEFAULT_CONFIG,
    as_json: JsonOption = False,
    admin_user: Annotated[
        str, typer.Option(help="A second AMI account with system rights, to see what ours may not.")
    ] = "",
    admin_secret_file: Annotated[
        Path | None, typer.Option(help="File with the secret of that account.")
    ] = None,
) -> None:
    """Say what this PBX lacks for the agent, and the line that mends it."""
    from agent.check.show import check_and_show
    from agent.service import logs

    logs.configure("console", "error")
    try:
        secret = admin_secret_file.read_text(encoding="utf-8").strip() if admin_secret_file else ""
    except OSError as error:
        fail(f"{admin_secret_file}: {error.strerror}; name a file that holds the secret of {admin_user}.")
    raise typer.Exit(asyncio.run(check_and_show(_config(config), as_json, (admin_user, secret))))


@app.command()
def classify(
    files: Annotated[list[Path], typer.Argument(help="Recordings of early media, in any format.")],
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object for each file.")] = False,
    plot: Annotated[Path | None, typer.Option(help="Folder to draw one PNG for each file into.")] = None,
    country: Annotated[
        str | None, typer.Option(help="Country whose tones are heard, as its ISO 3166-1 code or its name.")
    ] = None,
    config: Annotated[
        Path | None,
        typer.Option(
            "--config",
            "-c",
            help="Configuration with model, settling, policy and announcements; defaults if not given.",
        ),
    ] = None,
) -> None:
    """Judge recordings as the agent would judge the live call."""
    from agent.announcements.database import LibraryError
    from agent.hearing.forest import ModelError
    from agent.hearing.tone_table import world
    from agent.recording.load import RecordingError
    from agent.recording.show import classify_and_show

    try:
        code = world().code_of(country) if country else None
    except ValueError as error:
        fail(error)
    try:
        failed = classify_and_show(files, _config(config) if config else Config(), as_json, plot, code)
    except (ModelError, LibraryError, RecordingError, OSError) as error:
        fail(error)
    raise typer.Exit(2 if failed else 0)


@app.command("report")
def show_report(
    journals: Annotated[
        list[Path] | None, typer.Argument(help="Journal files; those of the configuration if none is named.")
    ] = None,
    config: ConfigOption = DEFAULT_CONFIG,
    as_json: JsonOption = False,
) -> None:
    """Show for each trunk what was heard against what the carrier said."""
    from agent.service.report import journal_lines, report

    paths = journals or [_config(config).journal.path]
    try:
        read = report(line for path in paths for line in journal_lines(path))
    except OSError as error:
        fail(f"{error.filename}: {error.strerror}; name the journal, or the configuration that does.")
    Console().print_json(data=dict(read.as_json())) if as_json else Console().print(read.table())


@app.command()
def demo(
    asterisk: Annotated[Path, typer.Option(help="Folder with the private Asterisk of ./scripts/demo.")],
) -> None:
    """Watch a private Asterisk call a carrier that lies, and the agent hear through it."""
    from agent.demo.show import run_demo

    raise typer.Exit(run_demo(asterisk))


@app.command()
def paths() -> None:
    """Print where dialplan, systemd units, model and example configuration were installed."""
    for name in ("config.yaml", "dialplan", "models", "systemd"):
        typer.echo(share_dir() / name)


if __name__ == "__main__":
    main()
