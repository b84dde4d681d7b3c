"""The wheel as a user gets it: installed in an empty environment, far from the repository."""

import json
import subprocess
import sys
import venv
from pathlib import Path

import pytest

from agent.demo.audio import RINGING_EUROPE

REPOSITORY = Path(__file__).parent.parent


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An environment that holds the wheel and what it depends on, and nothing else."""
    folder = tmp_path_factory.mktemp("wheel")
    build = [sys.executable, "-m", "build", "--wheel", "--outdir", str(folder / "dist"), str(REPOSITORY)]
    subprocess.run(build, check=True, capture_output=True)
    (wheel,) = (folder / "dist").glob("*.whl")
    venv.create(folder / "env", with_pip=True)
    subprocess.run([folder / "env/bin/pip", "install", "--quiet", str(wheel)], check=True)
    return folder / "env"


def earlymedia(environment: Path, *words: str, cwd: Path) -> str:
    told = subprocess.run(
        [environment / "bin/earlymedia", *words], cwd=cwd, capture_output=True, text=True, check=True
    )
    return told.stdout


def test_the_installed_agent_classifies_a_file(installed: Path, tmp_path: Path) -> None:
    (tmp_path / "ring.ulaw").write_bytes(RINGING_EUROPE.ulaw(10))
    (line,) = earlymedia(installed, "classify", "--json", "ring.ulaw", cwd=tmp_path).splitlines()
    assert json.loads(line)["verdict"]["outcome"] == "ringing"


def test_what_an_admin_copies_comes_along(installed: Path, tmp_path: Path) -> None:
    share = installed / "share" / "earlymedia"
    paths = earlymedia(installed, "paths", cwd=tmp_path).split()
    assert paths == [str(share / name) for name in ("config.yaml", "dialplan", "models", "systemd")]
    for shipped in (
        "config.yaml",
        "dialplan/asterisk/extensions_earlymedia.conf",
        "dialplan/asterisk/manager_earlymedia.conf",
        "dialplan/asterisk/earlymedia-eagi",
        "dialplan/asterisk/earlymedia-sync",
        "dialplan/freeswitch/earlymedia.xml",
        "dialplan/freeswitch/event_socket.conf.xml",
        "models/student.joblib",
        "models/student.json",
        "systemd/earlymedia-agent.service",
        "systemd/earlymedia-freeswitch.tmpfiles.conf",
    ):
        assert (share / shipped).read_bytes() == (REPOSITORY / shipped).read_bytes()
    for shim in ("earlymedia-eagi", "earlymedia-sync"):
        assert (share / "dialplan" / "asterisk" / shim).stat().st_mode & 0o111


@pytest.mark.parametrize(("words", "extra"), [(["classify", "call.wav"], "files"), (["train"], "train")])
def test_what_needs_an_extra_names_it(installed: Path, tmp_path: Path, words: list[str], extra: str) -> None:
    (tmp_path / "call.wav").write_bytes(b"RIFF")
    told = subprocess.run(
        [installed / "bin/earlymedia", *words],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert told.returncode == 2
    assert f"pip install 'earlymedia-agent[{extra}]'" in told.stderr
    assert len(told.stderr.splitlines()) == 1
