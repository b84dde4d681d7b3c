"""Commands of `earlymedia train`, as a person types them."""

from typer.testing import CliRunner, Result

from agent.train.commands import app


def train(*words: object) -> Result:
    return CliRunner().invoke(app, [str(word) for word in words])


def refused(result: Result, said: str) -> None:
    """A fault is one sentence on standard error, and exit code 2."""
    assert result.exit_code == 2, result.output
    last = result.stderr.strip().splitlines()[-1]
    assert last.startswith("earlymedia: ")
    assert said in last
    assert "Traceback" not in result.output
