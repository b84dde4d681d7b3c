"""`earlymedia demo`: a private Asterisk calls a carrier that lies, and a table shows what the agent hears.

Nothing is staged: the table is filled from what the agent logs and journals and from what the carrier did.
"""

import asyncio
import sys
import time
from collections.abc import Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.live import Live
from rich.table import Table
from rich.text import Text

from agent.announcements.database import LibraryError
from agent.announcements.library import Library
from agent.demo.agent import LabAgent
from agent.demo.asterisk import LabAsterisk
from agent.demo.call import Call
from agent.demo.caller import Caller
from agent.demo.carrier import Carrier
from agent.demo.dialer import Dialer
from agent.demo.lab import LabError, LabPorts
from agent.demo.scenarios import TAUGHT, DemoCall, Dialled, demo_calls, taught_recording
from agent.hearing.pcm import Decoder
from agent.hearing.sound import Encoding
from agent.verdict.agreement import Agreement

COLOUR = {"r": "cyan", "s": "green", "m": "magenta", ".": "bright_black", "!": "red"}
VERDICT_COLOUR = {
    Agreement.AGREES: "green",
    Agreement.CONTRADICTS: "bold red",
    Agreement.ADDS_DETAIL: "yellow",
}
HEADINGS = (
    "the carrier plays",
    "dialled by",
    "heard each second",
    "verdict",
    "final after",
    "carrier's code",
    "the dialer is told",
    "code and sound",
)
HEARD = 2
NARROW = (0, HEARD, 3, 5, 6)
WIDE_COLUMNS = 150
SECONDS_BETWEEN_CALLS = 0.4
GIVE_UP_SECONDS = 60.0


@dataclass(slots=True)
class Row:
    """One call of the table, as far as it is known."""

    call: DemoCall
    heard: str = ""
    outcome: str = ""
    confidence: str = ""
    final_at: float | None = None
    """Seconds of audio after which the verdict stood, if it did before the carrier spoke."""
    journal: Mapping[str, Any] | None = None
    """The call's line of the journal, once it is over."""

    def cells(self, carrier: Call | None) -> tuple[str | Text, ...]:
        """Return the row's cells."""
        return (
            self.call.plays,
            self.call.dialled.value,
            Text.assemble(*((letter, COLOUR.get(letter, "")) for letter in self.heard)),
            Text(f"{self.outcome} {self.confidence}".strip(), "bold" if self.journal else ""),
            "" if self.final_at is None else f"{self.final_at:.1f} s",
            _carrier_said(carrier),
            self._decision(),
            self._agreement(),
        )

    def _decision(self) -> str:
        if self.journal is None:
            return ""
        sip, cause, after = (self.journal[key] for key in ("sip_code", "q850_cause", "redial_after"))
        said = "the carrier's" if sip is None else f"{sip}, cause {cause}"
        return f"{said}; redial {self.journal['redial']}" + (f" ({after} s)" if after else "")

    def _agreement(self) -> Text:
        if self.journal is None:
            return Text()
        agreement = Agreement(self.journal["agreement"])
        words = "" if agreement is Agreement.NONE else agreement.value.replace("_", " ")
        return Text(words, VERDICT_COLOUR.get(agreement, ""))


def run_demo(asterisk: Path) -> int:
    """Show the demo; return the exit code."""
    console = Console()
    try:
        asyncio.run(_demo(asterisk, console))
    except (LabError, LibraryError, TimeoutError) as error:
        sys.stderr.write(f"earlymedia: {error or 'the demo took too long; is the machine overloaded?'}\n")
        return 2
    return 0


async def _demo(chroot: Path, console: Console) -> None:
    began = time.monotonic()
    ports = LabPorts.free()
    lab = LabAsterisk(chroot, ports=ports)
    calls = demo_calls(chroot)
    async with AsyncExitStack() as stack:
        await stack.enter_async_context(lab)
        console.print(f"{await lab.version()} on 127.0.0.1, and a carrier that answers {len(calls)} calls")
        carrier = await stack.enter_async_context(Carrier(port=ports.carrier))
        carrier.scenarios = {call.number: call.scenario for call in calls}
        agent = LabAgent(lab)
        with Library(agent.library) as library:
            library.add(TAUGHT, [Decoder(Encoding.ULAW).decode(taught_recording(chroot))])
        await stack.enter_async_context(agent)
        dialer = await stack.enter_async_context(lab.dialer())
        table = _Table([Row(call) for call in calls], agent, carrier, dialer)
        placing = asyncio.create_task(_place(calls, lab, dialer, stack))
        with Live(console=console, auto_refresh=False, transient=True) as live:
            async with asyncio.timeout(GIVE_UP_SECONDS):
                while not table.complete:
                    table.update()
                    if console.is_terminal:
                        live.update(table.draw(console.width), refresh=True)
                    await asyncio.sleep(0.2)
                await placing
        console.print(table.draw(console.width))
        console.print(_legend())
        console.print(table.summary(), f"All in {time.monotonic() - began:.0f} s.")


async def _place(calls: list[DemoCall], lab: LabAsterisk, dialer: Dialer, stack: AsyncExitStack) -> None:
    for call in calls:
        match call.dialled:
            case Dialled.DIAL:
                caller = await stack.enter_async_context(Caller(pbx=("127.0.0.1", lab.ports.sip)))
                caller.dial(f"1{call.number}")
            case Dialled.LOCAL:
                await dialer.originate(f"Local/{call.number}@outbound/n", "answered")
            case Dialled.ORIGINATE:
                await dialer.originate(f"PJSIP/{call.number}@carrier", "answered")
            case Dialled.EAGI | Dialled.AUDIOSOCKET:
                context = "earlymedia-originate"
                if call.dialled is Dialled.AUDIOSOCKET:
                    context += "-audiosocket"
                variables = {"EARLYMEDIA_NUMBER": call.number, "EARLYMEDIA_NEXT_CONTEXT": "answered"}
                await dialer.originate(
                    f"PJSIP/{call.number}@carrier", context, early_media=True, variables=variables
                )
        await asyncio.sleep(SECONDS_BETWEEN_CALLS)


class _Table:
    """The rows, kept current from the agent's log and journal."""

    def __init__(self, rows: list[Row], agent: LabAgent, carrier: Carrier, dialer: Dialer) -> None:
        self.rows = {row.call.number: row for row in rows}
        self._agent, self._carrier, self._dialer = agent, carrier, dialer

    @property
    def complete(self) -> bool:
        """Every call is over and in the journal."""
        return all(row.journal is not None for row in self.rows.values())

    def update(self) -> None:
        """Read what is new."""
        number_of = {
            event.get("DestUniqueid"): event.get("DialString").partition("@")[0]
            for event in self._dialer.named("DialBegin")
        }
        for line in self._agent.events("heard"):
            if row := self.rows.get(number_of.get(line["call"], "")):
                row.heard, row.outcome = line["seconds"], line["outcome"]
                row.confidence = f"{line['confidence']:.2f}"
                if line["final"] and row.final_at is None:
                    row.final_at = line["final_at"]
        for record in self._agent.journal():
            if row := self.rows.get(number_of.get(record["leg"], "")):
                row.journal, row.heard, row.outcome = record, record["seconds"], record["outcome"]
                row.confidence = f"{record['confidence']:.2f}"

    def draw(self, columns: int) -> Table:
        """Return the table as it stands; a narrow terminal shows what was played, heard and told."""
        shown = range(len(HEADINGS)) if columns >= WIDE_COLUMNS else NARROW
        table = Table(header_style="bold", pad_edge=False, box=None)
        for column in shown:
            table.add_column(HEADINGS[column], no_wrap=column == HEARD)
        for number, row in self.rows.items():
            calls = self._carrier.calls_to(number)
            cells = row.cells(calls[0] if calls else None)
            table.add_row(*(cells[column] for column in shown))
        return table

    def summary(self) -> str:
        """Say what the carrier's codes were worth."""
        said = [row.journal["agreement"] for row in self.rows.values() if row.journal]
        early = sum(row.final_at is not None for row in self.rows.values())
        return (
            f"{len(said)} calls: the carrier's code was contradicted {said.count('contradicts')} times and "
            f"said too little {said.count('adds_detail')} times; {early} verdicts were final while the call "
            "was still unanswered."
        )


def _carrier_said(call: Call | None) -> str:
    if call is None:
        return ""
    if call.final_status is None:
        return "…"
    waited = (call.final_sent or call.invited) - call.invited
    return f"{call.final_status} after {waited:.0f} s"


def _legend() -> Text:
    words = {"r": "ringing or another tone", "s": "speech", "m": "music", ".": "silence"}
    parts = [Text.assemble((letter, COLOUR[letter]), f" {word}") for letter, word in words.items()]
    return Text("   ").join(parts)
