"""Log lines as journald or a terminal gets them."""

import json
import logging
from collections.abc import Iterator

import pytest
import structlog

from agent.service import logs


@pytest.fixture(autouse=True)
def _restored() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    root.handlers[:] = handlers
    root.setLevel(level)
    structlog.reset_defaults()


def test_a_json_line_holds_what_was_said(capsys: pytest.CaptureFixture[str]) -> None:
    logs.configure("json", "info")
    structlog.get_logger("agent.service").info("call ended", leg="1.7", outcome="ringing")
    entry = json.loads(capsys.readouterr().err)
    assert (entry["event"], entry["leg"], entry["outcome"]) == ("call ended", "1.7", "ringing")
    assert (entry["level"], entry["logger"]) == ("info", "agent.service")
    assert entry["timestamp"].endswith("Z")


def test_an_exception_stays_one_json_line(capsys: pytest.CaptureFixture[str]) -> None:
    logs.configure("json", "info")
    try:
        raise ValueError("two\nlines")
    except ValueError:
        structlog.get_logger("agent").exception("it broke")
    (line,) = capsys.readouterr().err.splitlines()
    assert "ValueError: two" in json.loads(line)["exception"]


def test_a_terminal_gets_plain_words(capsys: pytest.CaptureFixture[str]) -> None:
    logs.configure("console", "info")
    structlog.get_logger("agent").warning("tap failed", leg="1.7")
    shown = capsys.readouterr().err
    assert "tap failed" in shown
    assert "leg=1.7" in shown


def test_what_is_below_the_level_is_not_said(capsys: pytest.CaptureFixture[str]) -> None:
    logs.configure("json", "warning")
    structlog.get_logger("agent").info("chatter")
    logging.getLogger("library").info("chatter")
    assert capsys.readouterr().err == ""


def test_libraries_speak_the_same_way(capsys: pytest.CaptureFixture[str]) -> None:
    logs.configure("json", "info")
    logging.getLogger("asyncio").error("slow %s", "callback")
    entry = json.loads(capsys.readouterr().err)
    assert (entry["event"], entry["level"], entry["logger"]) == ("slow callback", "error", "asyncio")


def test_the_ami_library_never_writes_its_packets(capsys: pytest.CaptureFixture[str]) -> None:
    logs.configure("json", "debug")
    logging.getLogger("panoramisk").debug("Secret: hush-hush")
    assert "hush-hush" not in capsys.readouterr().err
