"""Look at a FreeSWITCH through its event socket, as the agent will.

A helper channel without a carrier (`null/`) is recorded for half a second, which shows at once whether
FreeSWITCH and the agent see the same folder and may write to it. No call is touched.
"""

import asyncio
import os
import re
import stat
import uuid
from collections.abc import Iterator
from pathlib import Path

from agent.check.finding import Finding, fine, note, problem
from agent.pbx.freeswitch.adapter import FreeSwitchSettings
from agent.pbx.freeswitch.client import EventSocketClient
from agent.pbx.freeswitch.connection import EventSocketError
from agent.pbx.freeswitch.recorder import LINEAR_VARIABLES
from agent.pbx.freeswitch.spool import Spool, SpoolError
from agent.pbx.lasting import ConnectionState

LOGIN_S = 6.0
RECORD_S = 0.5
OLDEST = (1, 8, 7)
"""Since this version `uuid_record` takes the variables that a recording needs."""
MODULES = {
    "mod_sofia": "there is no SIP",
    "mod_sndfile": "only legs of G.711 can be heard",
    "mod_dialplan_xml": "the dialplan snippets cannot be used",
}
GATEWAY = "sofia/gateway/"
TAP_FOLDER_MODE = 0o2070
"""The group writes, and what is made in the folder is the group's (setgid)."""

_READ_NOTHING = {
    "ignore_early_media": ("true", "ring_ready"),
    "media_bug_answer_req": ("true",),
}
"""Variables that keep early media from every tap, and the values that do so."""
_SETTINGS = re.compile(
    r'<context name="(?P<context>[^"]*)"|<extension name="(?P<extension>[^"]*)"'
    + "".join(rf"|\b(?P<{name}>{name})=(?:{'|'.join(values)})\b" for name, values in _READ_NOTHING.items())
)
_PASSED_BY = re.compile(r'name="(inbound-(?:proxy|bypass)-media)" value="true"')


async def check_freeswitch(settings: FreeSwitchSettings) -> list[Finding]:
    """Return everything worth saying, in the order in which to mend it."""
    client = EventSocketClient(settings.event_socket)
    try:
        findings, logged_in = await _log_in(client)
        if logged_in:
            findings += await _Inspection(client, settings).findings()
    except EventSocketError as error:
        findings.append(
            problem("event socket", str(error), "see whether FreeSWITCH is overloaded or stopping")
        )
    finally:
        await client.stop(drain_s=0)
    return findings


async def _log_in(client: EventSocketClient) -> tuple[list[Finding], bool]:
    client.start()
    async with asyncio.timeout(LOGIN_S + client.settings.connect_timeout_s):
        while client.state in (ConnectionState.STOPPED, ConnectionState.CONNECTING):  # noqa: ASYNC110
            await asyncio.sleep(0.02)
    where = f"{client.settings.host}:{client.settings.port}"
    if client.state is ConnectionState.CONNECTED:
        return [fine("event socket", f"logged in at {where}")], True
    if client.state is ConnectionState.REFUSED:
        mend = (
            "compare password and apply-inbound-acl of event_socket.conf.xml with freeswitch in config.yaml"
        )
    else:
        mend = "load mod_event_socket, and compare listen-ip and listen-port of event_socket.conf.xml"
    return [problem("event socket", client.problem, mend)], False


class _Inspection:
    """What can be asked through one session."""

    def __init__(self, client: EventSocketClient, settings: FreeSwitchSettings) -> None:
        self.client = client
        self.settings = settings

    async def findings(self) -> list[Finding]:
        return [
            *self._password(),
            *await self._version(),
            *await self._modules(),
            *await self._tap(),
            *await self._globals(),
            *await self._dialplan(),
            *await self._profiles(),
            *await self._trunks(),
        ]

    async def _ask(self, line: str) -> str:
        """Return what a command prints, empty where it prints an error."""
        reply = await self.client.api(line)
        return reply.text.strip() if reply.ok else ""

    def _password(self) -> Iterator[Finding]:
        if self.settings.event_socket.password == "ClueCon":  # noqa: S105, what FreeSWITCH ships with
            yield note(
                "event socket",
                "its password is the one that every FreeSWITCH ships with",
                'event_socket.conf.xml: <param name="password" value="one of your own"/>, and in config.yaml',
            )

    async def _version(self) -> list[Finding]:
        version = await self._ask("version short")
        numbers = tuple(int(number) for number in re.findall(r"\d+", version)[:3])
        if numbers and numbers < OLDEST:
            least = ".".join(map(str, OLDEST))
            return [
                problem("FreeSWITCH", f"{version} cannot record as needed", f"upgrade to {least} or newer")
            ]
        return [fine("FreeSWITCH", version)]

    async def _modules(self) -> list[Finding]:
        missing = [name for name in MODULES if await self._ask(f"module_exists {name}") != "true"]
        return [
            problem(
                "modules", f"{name} is not loaded: {MODULES[name]}", f"load {name}, and in modules.conf.xml"
            )
            for name in missing
        ] or [fine("modules", "all that are needed are loaded")]

    async def _tap(self) -> list[Finding]:
        """Record a helper channel into the folder, as a leg is recorded."""
        folder = self.settings.recorder.folder
        mend = "systemd-tmpfiles --create /etc/tmpfiles.d/earlymedia-freeswitch.conf"
        if not folder.is_dir():
            return [problem("tap folder", f"{folder} is not there: no leg can be heard", mend)]
        helper = str(uuid.uuid4())
        try:
            recording = Spool(folder).linear(f"check-{helper}")
        except SpoolError as error:
            return [problem("tap folder", error.strerror or str(error), mend)]
        try:
            await self.client.api(f"originate {{origination_uuid={helper}}}null/earlymedia &park()")
            reply = await self.client.api(f"uuid_record {helper} start {recording.path} 5 {LINEAR_VARIABLES}")
            await asyncio.sleep(RECORD_S)
            (descriptor,) = recording.files.values()
            came = os.fstat(descriptor).st_size
        finally:
            recording.close()
            await self.client.api(f"uuid_kill {helper}")
        if came:
            return [fine("tap", f"a recording into {folder} reaches the agent"), *_folder(folder)]
        said = "writes elsewhere" if reply.ok else f"cannot write there ({reply.text})"
        mend = "share the folder with FreeSWITCH's container" if reply.ok else _rights(folder)
        return [problem("tap folder", f"{folder}: FreeSWITCH {said}; no leg can be heard", mend)]

    async def _globals(self) -> list[Finding]:
        return [
            problem(
                "globals",
                f"{name}={value} keeps all early media from the agent",
                f"vars.xml: {_instead(name)}",
            )
            for name, values in _READ_NOTHING.items()
            if (value := await self._ask(f"global_getvar {name}")) in values
        ]

    async def _dialplan(self) -> list[Finding]:
        dialplan = await self._ask("xml_locate dialplan")
        context = extension = ""
        found = []
        for match in _SETTINGS.finditer(dialplan):
            if match["context"] is not None:
                context = match["context"]
            elif match["extension"] is not None:
                extension = match["extension"]
            else:
                where = f"extension {extension!r} of context {context!r}"
                what = f"{where} says {match[0]}: the agent hears nothing of its legs"
                found.append(note("dialplan", what, f"there: {_instead(match[0].partition('=')[0])}"))
        if 'context name="earlymedia"' not in dialplan:
            what = "there is no context earlymedia: the dialplan cannot ask for the last word after bridge"
            found.append(note("dialplan", what, "copy earlymedia.xml to conf/dialplan and reloadxml"))
        return found or [fine("dialplan", "our context is there, and early media is not ignored")]

    async def _profiles(self) -> list[Finding]:
        sofia = await self._ask("xml_locate configuration configuration name sofia.conf")
        return [
            note(
                "profiles",
                f"{name} of a SIP profile keeps the audio of its calls from FreeSWITCH",
                f"unset {name}",
            )
            for name in sorted(set(_PASSED_BY.findall(sofia)))
        ]

    async def _trunks(self) -> list[Finding]:
        trunks = self.settings.trunks
        if not trunks:
            mend = 'trunks: [{match: "sofia/gateway/carrier"}]'
            return [problem("trunks", "no trunk is named: nothing is heard", mend)]
        found = []
        for pattern in trunks:
            gateway = pattern.removeprefix(GATEWAY)
            plain = pattern.startswith(GATEWAY) and not set(gateway) & set("*?[")
            if plain and "Invalid Gateway" in (await self.client.api(f"sofia status gateway {gateway}")).text:
                mend = f"compare trunks.match {pattern!r} with `sofia status`"
                found.append(note("trunks", f"FreeSWITCH knows no gateway {gateway}", mend))
        return found or [fine("trunks", ", ".join(trunks))]


def _instead(variable: str) -> str:
    return f"{variable}=consume" if variable == "ignore_early_media" else f"unset {variable}"


def _rights(folder: Path) -> str:
    return f"chgrp freeswitch {folder} && chmod 2770 {folder}"


def _folder(folder: Path) -> Iterator[Finding]:
    """Look at what only shows when the agent runs as its own user, or when memory is short."""
    mode = stat.S_IMODE(folder.stat().st_mode)
    if os.geteuid() == 0 and mode & TAP_FOLDER_MODE != TAP_FOLDER_MODE:
        what = f"{folder} has mode {mode:04o}: the service is not root and may not hear what this check heard"
        yield note("tap folder", what, _rights(folder))
    if not _on_tmpfs(folder):
        yield note(
            "tap folder", f"{folder} is on a disk: every call is written to it", "choose one below /dev/shm"
        )


def _on_tmpfs(folder: Path) -> bool:
    """Say whether the mount that holds a folder keeps its files in memory (proc(5), mounts)."""
    mounts = [line.split()[1:3] for line in Path("/proc/self/mounts").read_text().splitlines()]
    holding = [(point, kind) for point, kind in mounts if folder.resolve().is_relative_to(point)]
    return max(holding, key=lambda mount: len(mount[0]))[1] in ("tmpfs", "ramfs")
