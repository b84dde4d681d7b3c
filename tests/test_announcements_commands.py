"""`earlymedia announcements`, as an admin types it."""

import io
import json
import wave
from collections.abc import Callable
from pathlib import Path

import pytest
import soundfile
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner, Result

from agent.announcements.gathering import Gathering, Limits
from agent.announcements.library import Library, fingerprint_of, to_pcm16
from agent.announcements_commands import app
from agent.hearing.pcm import SAMPLE_RATE, Samples
from tests.hearing.speech import noisy, speech

Command = Callable[..., Result]


def _head(ending: str) -> bytes:
    """A real file of a second, to be cut and followed by anything."""
    file = io.BytesIO()
    subtype = "VORBIS" if ending == "ogg" else "PCM_16"
    soundfile.write(file, speech(1, 1.0), SAMPLE_RATE, format=ending.upper(), subtype=subtype)
    return file.getvalue()


HEADS = {ending: _head(ending) for ending in ("wav", "flac", "ogg", "au", "caf")}
HEADS |= dict.fromkeys(("mp3", "gsm", "sln", "ulaw", "sln16"), b"\xff\xfb\x90\x64" * 20)


@pytest.fixture
def command(tmp_path: Path) -> Command:
    def run(*words: str | Path) -> Result:
        library = ["--library", str(tmp_path / "library.sqlite3")]
        return CliRunner().invoke(app, [*map(str, words), *library])

    return run


def wav(path: Path, sound: Samples) -> Path:
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(SAMPLE_RATE)
        file.writeframes(to_pcm16(sound))
    return path


@pytest.fixture
def vacant(tmp_path: Path) -> Path:
    return wav(tmp_path / "vacant.wav", speech(1, 6.0))


def test_learned_from_one_file_listed_recognised_and_forgotten(
    command: Command, vacant: Path, tmp_path: Path
) -> None:
    added = command("add", vacant, "--name", "vacant", "--cause", "1", "--redial", "no", "--language", "de")
    assert (added.exit_code, added.output) == (0, "announcement:vacant is known.\n")
    (listed,) = json.loads(command("list", "--json").output)
    assert listed["outcome"] == "announcement:vacant"
    assert (listed["sip_code"], listed["q850_cause"], listed["redial"]) == (404, 1, "no")
    assert listed["redial_after"] is None
    assert "announcement:vacant" in command("list").output
    assert "1 (unallocated (unassigned) number)" in command("show", "vacant").output

    call = wav(tmp_path / "call.wav", noisy(speech(1, 6.0)[9999:], 15.0))
    heard = command("test", call, "--json")
    assert heard.exit_code == 0
    assert json.loads(heard.output)[0]["announcements"][0]["outcome"] == "announcement:vacant"

    assert command("remove", "vacant").exit_code == 0
    unheard = command("test", call)
    assert unheard.exit_code == 1
    assert "no known announcement" in unheard.output


def test_shared_as_a_folder(command: Command, vacant: Path, tmp_path: Path) -> None:
    command("add", vacant, "--name", "vacant", "--cause", "1")
    assert command("export", tmp_path / "shared").output.startswith("1 announcements are in")
    command("remove", "vacant")
    assert command("import", tmp_path / "shared").exit_code == 0
    assert json.loads(command("list", "--json").output)[0]["q850_cause"] == 1


def test_from_what_is_heard_all_day_to_a_redial_decision_in_one_command(
    command: Command, tmp_path: Path
) -> None:
    with Library(tmp_path / "library.sqlite3") as library:
        gathering = Gathering(library, Limits(excerpt_seconds=6.0))
        for index in range(7):
            sound = noisy(speech(5, 6.0), 20.0, index)
            gathering.heard(fingerprint_of(sound), "carrier-a", 480, 1e9 + index, sound)
    (candidate,) = json.loads(command("candidates", "--json").output)
    assert candidate["calls"] == 7
    assert candidate["first_seen"] == "2001-09-09T01:46:40+00:00"
    assert candidate["sightings"] == [{"trunk": "carrier-a", "sip_code": 480, "calls": 7}]
    assert "480 x 7" in command("candidates").output.replace("\n", " ")
    named = command("name", candidate["candidate"], "gone", "--cause", "22", "--redial", "no")
    assert named.output == "announcement:gone is known.\n"
    assert json.loads(command("candidates", "--json").output) == []
    call = wav(tmp_path / "call.wav", speech(5, 6.0)[4000:])
    assert "announcement:gone" in command("test", call).output


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        (("add", "nowhere.wav", "--name", "x"), "nowhere.wav: there is no such file"),
        (("remove", "ghost"), "knows no announcement 'ghost'; see `earlymedia announcements list`"),
        (("show", "ghost"), "knows no announcement 'ghost'"),
        (("name", "3", "x"), "there is no candidate 3; see `earlymedia announcements candidates`"),
        (("import", "nowhere"), "nowhere: holds no announcements.yaml; name a folder that `export` has made"),
        (("export", "/proc/nowhere"), "/proc/nowhere: No such file or directory; name a folder"),
        (("test", "nowhere.wav"), "nowhere.wav: there is no such file"),
    ],
)
def test_what_goes_wrong_is_one_sentence_and_exit_2(
    command: Command, words: tuple[str, ...], complaint: str
) -> None:
    result = command(*words)
    assert result.exit_code == 2
    assert complaint in result.stderr
    assert result.stderr.count("\n") == 1
    assert result.stderr.startswith("earlymedia: ")


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.sampled_from(sorted(HEADS)), st.binary(max_size=300), st.integers(0, 60))
def test_any_file_is_listened_to_or_refused_with_one_sentence(
    command: Command, tmp_path: Path, ending: str, garbage: bytes, kept: int
) -> None:
    (file := tmp_path / f"call.{ending}").write_bytes(HEADS[ending][:kept] + garbage)
    result = command("test", file)
    assert result.exit_code in (1, 2), result.exception
    assert result.stderr.count("\n") == (result.exit_code == 2)


def test_what_others_wrote_does_not_steer_the_terminal(command: Command, tmp_path: Path) -> None:
    (shared := tmp_path / "shared").mkdir()
    (shared / "announcements.yaml").write_text(
        'announcements: [{name: v, "\\e]0;owned\\a": 1, files: [a.wav]}]'
    )
    result = command("import", shared)
    assert result.exit_code == 2
    assert "\x1b" not in result.stderr
    (shared / "a.sln").write_bytes(to_pcm16(speech(1)))
    (shared / "announcements.yaml").write_text(
        'announcements: [{name: v, language: "[/b] [red]", trunk: "[/]", files: [a.sln]}]'
    )
    assert command("import", shared).exit_code == 0
    assert "[/]" in command("list").output


def test_a_name_that_is_no_outcome_is_refused(command: Command, vacant: Path) -> None:
    result = command("add", vacant, "--name", "Not A Name")
    assert result.exit_code == 2
    assert "--name 'Not A Name' cannot be used; names are lower case letters" in result.stderr
    assert json.loads(command("list", "--json").output) == []
