"""The command as a user types it."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from agent.announcements.announcement import Announcement
from agent.announcements.library import Library, to_pcm16
from agent.demo.audio import REORDER_NORTH_AMERICA, RINGING_EUROPE, silence
from tests.hearing.speech import speech


def earlymedia(*words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "agent.cli", *words], capture_output=True, text=True, timeout=60
    )


@pytest.fixture
def ring(tmp_path: Path) -> Path:
    file = tmp_path / "ring.ulaw"
    file.write_bytes(RINGING_EUROPE.ulaw(10))
    return file


def test_classify_shows_a_table(ring: Path) -> None:
    told = earlymedia("classify", str(ring))
    assert told.returncode == 0, told.stderr
    assert "ring.ulaw" in told.stdout
    assert "ringing" in told.stdout


def test_classify_prints_one_object_a_file(ring: Path) -> None:
    told = earlymedia("classify", "--json", str(ring), str(ring))
    objects = [json.loads(line) for line in told.stdout.splitlines()]
    assert [o["verdict"]["outcome"] for o in objects] == ["ringing", "ringing"]


def test_classify_draws_pictures(ring: Path, tmp_path: Path) -> None:
    told = earlymedia("classify", "--plot", str(tmp_path / "pictures"), str(ring))
    assert told.returncode == 0, told.stderr
    picture = (tmp_path / "pictures" / "ring.ulaw.png").read_bytes()
    assert picture.startswith(b"\x89PNG")


def test_classify_takes_a_country(tmp_path: Path) -> None:
    (file := tmp_path / "reorder.ulaw").write_bytes(REORDER_NORTH_AMERICA.ulaw(5))
    heard = [
        json.loads(earlymedia("classify", "--json", *words, str(file)).stdout)["verdict"]
        for words in ((), ("--country", "US"), ("--country", "united states"))
    ]
    assert {verdict["outcome"] for verdict in heard} == {"congestion"}
    world, *named = (verdict["confidence"] for verdict in heard)
    assert min(named) > world + 0.2
    told = earlymedia("classify", "--country", "Atlantis", str(file))
    assert told.returncode == 2
    assert told.stderr == (
        "earlymedia: 'Atlantis' is no country with known tones, write its ISO 3166-1 code, such as DE\n"
    )


def test_a_file_that_cannot_be_read_does_not_hide_the_others(ring: Path, tmp_path: Path) -> None:
    (bad := tmp_path / "bad.wav").write_text("no audio")
    told = earlymedia("classify", "--json", str(bad), str(ring))
    assert told.returncode == 2
    assert len(told.stdout.splitlines()) == 1
    (sentence,) = told.stderr.splitlines()
    assert sentence.startswith(f"earlymedia: {bad}: is no audio file")


@pytest.mark.parametrize("command", ["run", "check", "report"])
def test_a_missing_configuration_is_said_in_one_sentence(command: str, tmp_path: Path) -> None:
    told = earlymedia(command, "--config", str(tmp_path / "nowhere.yaml"))
    assert told.returncode == 2
    (sentence,) = told.stderr.splitlines()
    assert sentence.startswith(f"earlymedia: {tmp_path}/nowhere.yaml cannot be read")


def test_run_refuses_a_model_that_is_not_there(tmp_path: Path) -> None:
    config = tmp_path / "config.yaml"
    config.write_text(f"asterisk: {{secret: x}}\nmodel: {{path: {tmp_path}/none.joblib}}\n")
    told = earlymedia("run", "--config", str(config))
    assert told.returncode == 2
    (sentence,) = told.stderr.splitlines()
    assert f"{tmp_path}/none.json cannot be read" in sentence


def test_report_reads_a_journal(tmp_path: Path) -> None:
    journal = tmp_path / "calls.jsonl"
    call = {"trunk": "carrier", "outcome": "ringing", "carrier_sip_code": 486, "agreement": "contradicts"}
    journal.write_text(json.dumps(call) + "\n")
    table = earlymedia("report", str(journal))
    assert "contradicts" in table.stdout
    told = json.loads(earlymedia("report", "--json", str(journal)).stdout)
    assert told["trunks"][0]["contradicts"] == 1.0


def test_the_agent_never_loads_what_only_training_needs(ring: Path) -> None:
    heavy = {"librosa", "torch", "pydub", "matplotlib", "soundfile"}
    words = ["classify", "--json", str(ring)]
    code = (
        "import sys; import agent.service.run; import agent.cli as c; sys.argv[1:] = "
        f"{words!r}\n"
        "try: c.main()\n"
        f"except SystemExit: print(sorted({heavy!r} & set(sys.modules)), file=sys.stderr)"
    )
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert told.stderr.strip() == "[]"


def test_silence_tells_the_dialer_to_keep_the_carriers_code(tmp_path: Path) -> None:
    (file := tmp_path / "silence.ulaw").write_bytes(silence(10))
    verdict = json.loads(earlymedia("classify", "--json", str(file)).stdout)["verdict"]
    assert (verdict["outcome"], verdict["sip_code"], verdict["q850_cause"]) == ("silence", None, None)


def test_classify_knows_the_announcements_of_the_configuration(tmp_path: Path) -> None:
    library, call = tmp_path / "library.sqlite3", tmp_path / "call.sln"
    call.write_bytes(to_pcm16(speech(1, 6.0)))
    config = tmp_path / "config.yaml"
    config.write_text(f"asterisk: {{secret: x}}\nannouncements: {{file: {library}}}\n")
    unheard = json.loads(earlymedia("classify", "--json", "--config", str(config), str(call)).stdout)
    assert unheard["verdict"]["outcome"] != "announcement:vacant"
    assert not library.exists()
    with Library(library) as opened:
        opened.add(Announcement(name="vacant", q850_cause=1), [speech(1, 6.0)])
    heard = json.loads(earlymedia("classify", "--json", "--config", str(config), str(call)).stdout)
    assert heard["verdict"]["outcome"] == "announcement:vacant"
    assert heard["verdict"]["q850_cause"] == 1
    library.write_bytes(b"no database " * 1000)
    told = earlymedia("classify", "--config", str(config), str(call))
    assert told.returncode == 2
    assert told.stderr == f"earlymedia: {library}: is no library of announcements; name another file.\n"
