"""No secret is written down: not in the log at its most talkative, the journal, the metrics, a database."""

import asyncio
import socket
from dataclasses import replace
from pathlib import Path
from urllib.request import urlopen

import pytest

from agent.demo.agent import LabAgent
from agent.demo.asterisk import LabAsterisk
from agent.demo.lab import LabPorts
from agent.hearing.sound import Sound
from tests.e2e.scenarios import Way
from tests.faults.fleet import REFUSED
from tests.lab_fixtures import Site, agent_beside, journalled, open_site

pytestmark = [pytest.mark.pbx, pytest.mark.asyncio(loop_scope="session")]

TOKEN = "a-secret-that-guards-the-audiosocket-port"
WRONG = "a-secret-that-manager-conf-does-not-know"
MISPLACED = "a-secret-where-a-list-was-written"


async def test_no_secret_is_written_anywhere(chroot: Path) -> None:
    port = _free_port()
    async with LabAsterisk(chroot, ports=LabPorts.free(), token=TOKEN) as lab, open_site(lab) as site:
        async with agent_beside(lab, metrics={"enabled": True, "port": port}) as agent:
            await _calls(site, agent)
            await _told_of_bad_settings(agent)
            told = [*_written(agent), await asyncio.to_thread(_fetch, port), *_of_process(agent.pid)]
            key = (agent.home / "number.key").read_bytes()
        refused = agent_beside(lab, asterisk={"secret": WRONG})
        refused.launch()
        await refused.logged("no AMI connection")
        await refused.stop()
        told += _written(refused)
        secrets = [secret.encode() for secret in (lab.agent_secret, TOKEN, WRONG, MISPLACED)]
    for secret in (*secrets, key, key.hex().encode()):
        assert len(secret) >= 16
        assert not [text for text in told if secret in text]


async def _calls(site: Site, agent: LabAgent) -> None:
    speaks = replace(REFUSED, audio=site.sounds[Sound.SPEECH])
    placed = [await site.place(way, speaks) for way in (Way.DIAL, Way.OWN_EAGI, Way.OWN_AUDIOSOCKET)]
    for call in placed:
        await site.ended(call)
        assert (await journalled(agent, await site.leg(call.number)))["outcome"] == "announcement"


async def _told_of_bad_settings(agent: LabAgent) -> None:
    good = agent.config["asterisk"]
    for secret, answer in (
        (WRONG, "configuration reloaded"),
        ([MISPLACED], "the configuration stays as it was"),
    ):
        agent.config["asterisk"] = {**good, "secret": secret}
        agent.write_config()
        agent.reload()
        await agent.logged(answer)


def _written(agent: LabAgent) -> list[bytes]:
    """Everything that the agent wrote but its key; `config.yaml` is the admin's."""
    own = ("config.yaml", "number.key")
    texts = [file.read_bytes() for file in agent.home.rglob("*") if file.is_file() and file.name not in own]
    assert sum(map(len, texts)) > 1000
    return texts


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _fetch(port: int) -> bytes:
    with urlopen(f"http://127.0.0.1:{port}/metrics") as answer:
        text: bytes = answer.read()
    assert b"earlymedia_calls_total" in text
    return text


def _of_process(pid: int) -> list[bytes]:
    """What every user of the machine may see of a process, and its own environment."""
    return [Path(f"/proc/{pid}/{name}").read_bytes() for name in ("cmdline", "environ")]
