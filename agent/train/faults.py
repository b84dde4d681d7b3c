"""How every command of `earlymedia train` ends where it meets a foreseen fault: one sentence, exit code 2."""

from collections.abc import Iterator
from contextlib import contextmanager

import typer

from agent.train.errors import MaterialError

FAULT = 2


@contextmanager
def told(*also: type[Exception], interrupted: str = "", interrupted_code: int = FAULT) -> Iterator[None]:
    """Tell of a MaterialError, of `also`, and of Ctrl-C where there is something to say about it.

    Raises:
        typer.Exit: something of it came.
    """
    foreseen: tuple[type[Exception], ...] = (MaterialError, *also)
    try:
        yield
    except foreseen as error:
        typer.echo(f"earlymedia: {error}", err=True)
        raise typer.Exit(FAULT) from error
    except KeyboardInterrupt:
        if not interrupted:
            raise
        typer.echo(f"earlymedia: {interrupted}", err=True)
        raise typer.Exit(interrupted_code) from None
