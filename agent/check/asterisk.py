"""Look at an Asterisk through the agent's own AMI account, as the agent will.

The account may not list modules, so questions are asked as dialplan functions (`VERSION()`, `IFMODULE()`,
`DIALPLAN_EXISTS()`), which a Getvar may read; and a helper channel that spies on nothing shows whether a
tap would work. No call is touched.
"""

import asyncio
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from agent.check.finding import Finding, fine, note, problem
from agent.pbx.asterisk.adapter import AsteriskSettings
from agent.pbx.asterisk.ami import AmiClient, AmiDeniedError, AmiError, AmiEvent, AmiSettings
from agent.pbx.asterisk.audiosocket_server import AudioSocketServer
from agent.pbx.asterisk.legs import TAP_ID_PREFIX
from agent.pbx.asterisk.spy import Spy, SpyMethod, SpySettings, TapChoice
from agent.pbx.lasting import ConnectionState
from agent.pbx.port import CarrierFinal, Leg, Signal, Tap

LOGIN_S = 6.0
EVENTS_S = 1.0
NEEDED_EVENTS = ("DialBegin", "DialEnd", "Newstate", "Hangup")
"""Events of the helper channel that must get through the account's filter."""
CONTEXTS = {
    "earlymedia-after-dial": "the dialplan cannot await the last word after Dial()",
    "earlymedia-originate": "dialers cannot use pattern A (Originate with EarlyMedia)",
}
MODULES = {
    "app_chanspy.so": "legs that others dial cannot be heard",
    "func_hangupcause.so": "the true answer and the carrier's code cannot be read",
    "res_agi.so": "neither EAGI nor the sync point work",
}


async def check_asterisk(settings: AsteriskSettings, admin: AmiSettings | None = None) -> list[Finding]:
    """Return everything worth saying, in the order in which to mend it.

    `admin` is a second AMI account with `system` rights, for what the agent's own cannot see.
    """
    client = AmiClient(settings.ami)
    try:
        findings, logged_in = await _log_in(client)
        if logged_in:
            findings += await _Inspection(client, settings).findings()
    finally:
        await client.stop(drain_s=0)
    if logged_in and admin is not None:
        findings += await _as_admin(admin)
    findings += list(_shim_socket(settings.shims.path))
    return findings


async def _log_in(client: AmiClient) -> tuple[list[Finding], bool]:
    client.start()
    async with asyncio.timeout(LOGIN_S + client.settings.connect_timeout_s):
        while client.state in (ConnectionState.STOPPED, ConnectionState.CONNECTING):  # noqa: ASYNC110, no event tells of failure
            await asyncio.sleep(0.02)
    where = f"{client.settings.host}:{client.settings.port}"
    if client.state is ConnectionState.CONNECTED:
        return [fine("manager interface", f"logged in at {where} as {client.settings.username}")], True
    if client.state is ConnectionState.REFUSED:
        mend = "copy manager_earlymedia.conf to /etc/asterisk and give both sides the same secret"
    else:
        mend = "set enabled = yes in manager.conf, and asterisk.host and asterisk.port in config.yaml"
    return [problem("manager interface", client.problem, mend)], False


class _Inspection:
    """What can be asked through one logged-in account."""

    def __init__(self, client: AmiClient, settings: AsteriskSettings) -> None:
        self.client = client
        self.settings = settings
        self.seen: set[str] = set()
        client.on_event(self._saw)

    def _saw(self, event: AmiEvent) -> None:
        ids = (event.headers.get(header, "") for header in ("Uniqueid", "DestUniqueid"))
        if any(channel_id.startswith(TAP_ID_PREFIX) for channel_id in ids):
            self.seen.add(event.name)

    async def findings(self) -> list[Finding]:
        return [
            *await self._version(),
            *await self._taps(),
            *await self._events(),
            *await self._rights(),
            *await self._modules(),
            *await self._dialplan(),
            *await self._trunks(),
        ]

    async def _ask(self, function: str) -> str:
        """Return what a dialplan function says, empty where Asterisk does not know it."""
        reply = await self.client.action("Getvar", {"Variable": function})
        return reply.headers.get("Value", "") if reply.success else ""

    async def _version(self) -> list[Finding]:
        try:
            version = await self._ask("VERSION()")
        except AmiDeniedError:
            return [
                problem(
                    "rights",
                    "the account may neither read nor set variables",
                    "write = call,originate,user in its section of manager.conf",
                )
            ]
        return [fine("Asterisk", version)] if version else []

    async def _taps(self) -> list[Finding]:
        """Send the helper channels that the agent would send, to a port of our own."""
        server = AudioSocketServer(replace(self.settings.audiosocket, port=0))
        await server.start()
        spy_settings = SpySettings(TapChoice.AUTO, self.settings.spy_context, server.address)
        spy = Spy(spy_settings, self.client, server, _Nobody())
        try:
            await spy.find_out()
        finally:
            server.close()
        wanted = self.settings.tap.methods
        working = [method for method in wanted if method in spy.methods]
        found = [fine("tap", f"{method.value} works") for method in working]
        for method in wanted:
            if fault := spy.faults.get(method):
                lacking = note if working else problem
                what, _, mend = fault.partition(": ")
                costs = "" if working else "; no leg can be heard"
                found.append(lacking("tap", f"{method.value} does not work, {what}{costs}", mend))
        if working == [SpyMethod.EAGI]:
            found.append(
                note("tap", "without AudioSocket every call costs a process", "load chan_audiosocket.so")
            )
        return found

    async def _events(self) -> list[Finding]:
        await asyncio.sleep(EVENTS_S)
        missing = [name for name in NEEDED_EVENTS if name not in self.seen]
        if not self.seen or not missing:
            return [fine("events", "the account sees what becomes of calls")] if self.seen else []
        return [
            problem(
                "events",
                f"{', '.join(missing)} did not come",
                "read = call, and " + ", ".join(f"eventfilter = Event: {name}" for name in missing),
            )
        ]

    async def _rights(self) -> list[Finding]:
        try:
            await self.client.action("UserEvent", {"UserEvent": "EarlyMediaCheck"})
        except AmiDeniedError:
            return [
                note(
                    "rights",
                    "the account may not send events: dialers get no EarlyMediaVerdict event, only variables",
                    "write = call,originate,user in its section of manager.conf",
                )
            ]
        return [fine("rights", "variables, helper channels and events are allowed")]

    async def _modules(self) -> list[Finding]:
        if await self._ask("IFMODULE(pbx_config.so)") != "1":
            return []  # without func_module.so nothing can be asked
        missing = [name for name in MODULES if await self._ask(f"IFMODULE({name})") != "1"]
        return [
            problem("modules", f"{name} is not loaded: {MODULES[name]}", f"module load {name}")
            for name in missing
        ] or [fine("modules", "all that are needed are loaded")]

    async def _dialplan(self) -> list[Finding]:
        missing = [name for name in CONTEXTS if await self._ask(f"DIALPLAN_EXISTS({name},s,1)") != "1"]
        return [
            note(
                "dialplan",
                f"there is no context {name}: {CONTEXTS[name]}",
                "#include extensions_earlymedia.conf in extensions.conf",
            )
            for name in missing
        ] or [fine("dialplan", "our contexts are included")]

    async def _trunks(self) -> list[Finding]:
        if not self.settings.trunks:
            return [
                problem(
                    "trunks", "no trunk is named: nothing is heard", 'trunks: [{match: "PJSIP/carrier-*"}]'
                )
            ]
        found = []
        for pattern in self.settings.trunks:
            endpoint = pattern.removeprefix("PJSIP/").removesuffix("-*")
            if pattern.startswith("PJSIP/") and not set(endpoint) & set("*?["):
                known = await self._ask(f"PJSIP_ENDPOINT({endpoint},transport)")
                known = known or await self._ask(f"PJSIP_ENDPOINT({endpoint},context)")
                if not known:
                    found.append(
                        note(
                            "trunks",
                            f"Asterisk knows no PJSIP endpoint {endpoint}",
                            f"compare trunks.match {pattern!r} with pjsip.conf",
                        )
                    )
        return found or [fine("trunks", ", ".join(self.settings.trunks))]


async def _as_admin(account: AmiSettings) -> list[Finding]:
    """Ask with `system` rights what the agent's account cannot see."""
    client = AmiClient(account)
    try:
        findings, logged_in = await _log_in(client)
        if not logged_in:
            return findings
        settings = await client.action("CoreSettings")
        found = [fine("Asterisk", settings.headers.get("AsteriskVersion", "of unknown version"))]
        wanted = ("app_audiosocket", "chan_audiosocket", *(name.removesuffix(".so") for name in MODULES))
        for name in wanted:
            reply = await client.action("ModuleCheck", {"Module": name})
            if not reply.success:
                found.append(note("modules", f"{name}.so is not loaded", f"module load {name}.so"))
        return found
    except AmiError as error:
        return [note("second account", str(error), "give it read = system and write = system")]
    finally:
        await client.stop(drain_s=0)


def _shim_socket(path: Path) -> Iterator[Finding]:
    if path.is_socket():
        yield fine("shim socket", f"{path} is there")
    elif not path.parent.is_dir():
        yield note(
            "shim socket", f"the folder {path.parent} is not there", "start the service: systemd makes it"
        )


class _Nobody:
    """Takes no note of anything: there are no calls in a check."""

    def leg_began(self, leg: Leg) -> None: ...
    def leg_signalled(self, leg_id: str, signal: Signal) -> None: ...
    def tap_attached(self, leg_id: str, tap: Tap) -> None: ...
    def tap_failed(self, leg_id: str, reason: str) -> None: ...
    def leg_answered(self, leg_id: str) -> None: ...
    def connected(self) -> None: ...
    def leg_ended(self, leg_id: str, final: CarrierFinal, *, writable: bool = False) -> None: ...
    def fields_of(self, channel_id: str) -> dict[str, str]:
        return {}

    def settled(self, channel_id: str) -> bool:
        return True
