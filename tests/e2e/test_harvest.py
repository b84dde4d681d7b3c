"""Early media on disk, for the trunk that asks for it and for no other; and a candidate in shadow."""

import stat
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

from agent.config import ModelConfig
from agent.demo.agent import LabAgent
from agent.demo.call import Scenario
from agent.hearing.pcm import Decoder
from agent.hearing.sound import Encoding, Sound
from agent.service.kept import KeptCall
from tests.e2e.scenarios import Way
from tests.e2e.test_audio import FRAMES, NUMBERED
from tests.lab_fixtures import Placed, Site, agent_beside, journalled, until

pytestmark = [pytest.mark.pbx, pytest.mark.asyncio(loop_scope="session")]

KEPT = {"match": "PJSIP/carrier-*", "name": "kept", "keep_audio": True}
OTHER = {"match": "PJSIP/carrier-alaw-*", "name": "other"}


def harvesting(site: Site, folder: Path, **sections: Any) -> LabAgent:
    return agent_beside(site.lab, trunks=[OTHER, KEPT], harvest={"folder": str(folder)}, **sections)


async def over(site: Site, agent: LabAgent, placed: Placed) -> Any:
    await site.ended(placed)
    return await journalled(agent, await site.leg(placed.number))


def lines(folder: Path) -> dict[str, Path]:
    """Recordings by the digest of their number."""
    found = {}
    for path in folder.glob("*.json"):
        found[KeptCall.model_validate_json(path.read_bytes()).number] = path.with_suffix(".wav")
    return found


async def test_only_the_trunk_that_asks_for_it_is_kept_and_to_the_last_sample(
    site: Site, tmp_path: Path
) -> None:
    folder = tmp_path / "harvest"
    async with harvesting(site, folder) as agent:
        numbered = Scenario(audio=NUMBERED, seconds=FRAMES * 0.02 + 0.5, final=486)
        speech = Scenario(audio=site.sounds[Sound.SPEECH], seconds=5, final=480)
        own, spied = await site.place(Way.OWN_EAGI, numbered), await site.place(Way.DIAL_UNAWARE, speech)
        other = await site.place(Way.DIAL_ALAW, speech)
        ours = [await over(site, agent, placed) for placed in (own, spied)]
        assert (await over(site, agent, other))["trunk"] == "other"
        await until(lambda: len(lines(folder)) == 2)
    kept = lines(folder)
    assert set(kept) == {journal["number"] for journal in ours}
    samples, rate = soundfile.read(kept[ours[0]["number"]], dtype="int16")
    sent = (Decoder(Encoding.ULAW).decode(NUMBERED) * 32768).astype(np.int16)
    assert rate == 8000
    assert np.array_equal(samples[: len(sent)], sent)
    assert stat.S_IMODE(folder.stat().st_mode) == 0o750
    assert {stat.S_IMODE(path.stat().st_mode) for path in folder.iterdir()} == {0o640}
    assert {path.suffix for path in folder.iterdir()} == {".wav", ".json"}
    told = "".join(path.name + path.read_text(errors="replace") for path in folder.iterdir())
    assert not any(placed.number in told for placed in (own, spied))


async def test_nothing_that_an_answering_callee_says_is_kept(site: Site, tmp_path: Path) -> None:
    folder = tmp_path / "harvest"
    async with harvesting(site, folder) as agent:
        answers = Scenario(
            audio=site.sounds[Sound.RINGING],
            seconds=6.0,
            final=200,
            answer_audio=site.sounds[Sound.SPEECH],
            answered_seconds=4.0,
        )
        calls = [await site.place(way, answers) for way in (Way.DIAL, Way.OWN_EAGI, Way.ORIGINATE)]
        journals = [await over(site, agent, placed) for placed in calls]
        assert {journal["outcome"] for journal in journals} == {"answered"}
        await until(lambda: len(lines(folder)) == len(calls))
    for path in lines(folder).values():
        assert 2.0 < soundfile.info(path).duration <= 6.0
        kept = KeptCall.model_validate_json(path.with_suffix(".json").read_bytes())
        assert set(kept.seconds) <= {"r", "."}


async def test_a_folder_that_cannot_be_written_costs_one_warning_and_no_call(
    site: Site, tmp_path: Path
) -> None:
    (tmp_path / "file").touch()
    speech = Scenario(audio=site.sounds[Sound.SPEECH], seconds=4, final=480)
    async with harvesting(site, tmp_path / "file" / "harvest") as agent:
        calls = [await site.place(way, speech) for way in (Way.DIAL_UNAWARE, Way.OWN_EAGI, Way.LOCAL)]
        journals = [await over(site, agent, placed) for placed in calls]
        assert {journal["outcome"] for journal in journals} == {"announcement"}
        (warned,) = agent.events("early media cannot be kept, calls go on without it")
        assert warned["reason"] == "Not a directory"


async def test_a_reload_switches_keeping_off_and_candidates_on_and_off(site: Site, tmp_path: Path) -> None:
    folder, shipped = tmp_path / "harvest", ModelConfig().path
    speech = Scenario(audio=site.sounds[Sound.SPEECH], seconds=4, final=480)
    async with harvesting(site, folder, model={"candidate_path": str(shipped)}) as agent:
        name = (await agent.logged("a candidate listens in shadow"))["model"]
        journal = await over(site, agent, await site.place(Way.DIAL_UNAWARE, speech))
        assert journal["candidate"]["model"] == name
        for key in ("outcome", "seconds", "confidence"):  # it is the same forest
            assert journal["candidate"][key] == journal[key]
        await until(lambda: len(lines(folder)) == 1)

        agent.config["trunks"] = [{**KEPT, "keep_audio": False}]
        agent.config["model"] = {"candidate_path": str(tmp_path / "nowhere.joblib")}
        agent.write_config()
        agent.reload()
        warned = await agent.logged("no candidate listens in shadow")
        assert "nowhere.json cannot be read" in warned["reason"]
        journal = await over(site, agent, await site.place(Way.DIAL_UNAWARE, speech))
        assert (journal["outcome"], journal["candidate"]) == ("announcement", None)
        assert len(lines(folder)) == 1
        assert not agent.events("these settings change with a restart only")
