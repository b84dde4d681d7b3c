"""When a leg is answered, and when nobody can say so."""

from collections.abc import AsyncIterator
from dataclasses import replace

import pytest

from agent.pbx.asterisk import answers as answers_module
from agent.pbx.asterisk.ami import AmiClient
from agent.pbx.asterisk.answers import Answers
from agent.pbx.port import Leg
from tests.pbx.asterisk.scripted_ami import ScriptedAsterisk
from tests.pbx.waiting import until

LEG = Leg("1.2", "PJSIP/carrier-00000002", "PJSIP/carrier", "0301234567")


class Asked:
    """What came of asking."""

    def __init__(self, ami: AmiClient) -> None:
        self.answered: list[Leg] = []
        self.unanswered = 0
        self.unknown = 0
        self.answers = Answers(ami, self.answered.append, self._unanswered, self._unknown)

    async def _unanswered(self, leg: Leg) -> None:
        self.unanswered += 1

    def _unknown(self, leg: Leg) -> None:
        self.unknown += 1


@pytest.fixture
async def asked(client: AmiClient, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Asked]:
    monkeypatch.setattr(answers_module, "POLL_S", 0.01)
    monkeypatch.setattr(answers_module, "PATIENCE_S", 0.05)
    monkeypatch.setattr(answers_module, "_AGAIN_S", 0.01)
    asked = Asked(client)
    yield asked
    asked.answers.close()


async def test_a_leg_is_asked_until_it_is_answered(asterisk: ScriptedAsterisk, asked: Asked) -> None:
    said = iter(["SIP 183 Session Progress", "SIP 200 OK"])
    asterisk.answers["getvar"] = lambda action: f"Response: Success\r\nVariable: x\r\nValue: {next(said)}"
    asked.answers.watch(LEG)
    await until(lambda: bool(asked.answered))
    assert (asked.answered, asked.unanswered, asked.unknown) == ([LEG], 1, 0)


async def test_a_sip_leg_of_which_no_code_is_known_yet_is_not_taken_for_answered(
    asterisk: ScriptedAsterisk, asked: Asked
) -> None:
    said = iter(["", "", "SIP 183 Session Progress", "SIP 200 OK"])
    asterisk.answers["getvar"] = lambda action: f"Response: Success\r\nVariable: x\r\nValue: {next(said)}"
    asked.answers.watch(LEG)
    await until(lambda: bool(asked.answered))
    assert (asked.answered, asked.unanswered, asked.unknown) == ([LEG], 1, 0)


@pytest.mark.parametrize("channel", [LEG.channel, "DAHDI/i1/5551234-1"])
async def test_a_leg_that_is_up_and_never_has_a_sip_code_is_answered(
    channel: str, asterisk: ScriptedAsterisk, asked: Asked
) -> None:
    asterisk.answers["getvar"] = lambda action: "Response: Success\r\nVariable: x\r\nValue: "
    leg = replace(LEG, channel=channel)
    asked.answers.watch(leg)
    await until(lambda: bool(asked.answered))
    assert (asked.answered, asked.unanswered, asked.unknown) == ([leg], 0, 0)


async def test_an_asterisk_that_does_not_say_leaves_it_unknown(
    asterisk: ScriptedAsterisk, asked: Asked
) -> None:
    asterisk.answers["getvar"] = lambda action: None
    asked.answers.watch(LEG)
    await until(lambda: asked.unknown >= 2)
    asterisk.answers["getvar"] = lambda action: "Response: Success\r\nVariable: x\r\nValue: SIP 200 OK"
    await until(lambda: bool(asked.answered))
    assert asked.unanswered == 0


async def test_without_a_connection_it_is_unknown_at_once(asterisk: ScriptedAsterisk, asked: Asked) -> None:
    await asterisk.stop()
    asked.answers.watch(LEG)
    await until(lambda: asked.unknown >= 2)
    assert not asked.answered


async def test_an_answer_may_have_been_missed_where_nobody_could_be_asked_of_late(
    asterisk: ScriptedAsterisk, asked: Asked
) -> None:
    answers = asked.answers
    assert not answers.missed(LEG.id)  # it is not up
    said = "Response: Success\r\nVariable: x\r\nValue: SIP 183 Session Progress"
    asterisk.answers["getvar"] = lambda action: None
    answers.watch(LEG)
    assert answers.missed(LEG.id)
    asterisk.answers["getvar"] = lambda action: said
    await until(lambda: asked.unanswered)
    assert not answers.missed(LEG.id)
    asterisk.answers["getvar"] = lambda action: None
    await until(lambda: answers.missed(LEG.id))
    asterisk.answers["getvar"] = lambda action: said.replace("183 Session Progress", "200 OK")
    await until(lambda: asked.answered)
    assert not answers.missed(LEG.id)
