"""The tones of the world's networks: what each sounds like and what it means in which country.

`tones.yaml` beside this module lists them, made by `agent.train.corpus.tone_table` from ITU-T E.180
Supplement 2 (Operational Bulletin 781). A tone is written as steps of `hz/seconds`:

    425/1 -/4               425 Hz for 1 s, a pause of 4 s, again and again
    480+620/0.5 -/0.5       two frequencies together
    400*25/0.4 -/0.2        400 Hz, its amplitude modulated by 25 Hz
    350+440                 without end
    425/0.1 -/0.1 | 425     what stands before the bar comes once
"""

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from importlib.resources import files
from typing import Annotated, Self

from pydantic import BaseModel, ConfigDict, StringConstraints, field_validator, model_validator
from pydantic_core import PydanticCustomError

from agent.yaml_file import COMPLAINT, parse_model


class ToneKind(StrEnum):
    """What a tone tells the caller."""

    RINGING = "ringing"
    BUSY = "busy"
    CONGESTION = "congestion"
    NUMBER_UNOBTAINABLE = "number_unobtainable"
    DIAL_TONE = "dial_tone"
    OTHER = "other"
    """Call waiting, warnings, pay tones and the like: known so as not to be taken for one of the above."""
    SIT_INTERCEPT = "sit_intercept"
    SIT_VACANT = "sit_vacant"
    SIT_REORDER = "sit_reorder"
    SIT_NO_CIRCUIT = "sit_no_circuit"
    SIT_OTHER = "sit_other"
    FAX_OR_MODEM = "fax_or_modem"


NATIONAL_KINDS = tuple(ToneKind)[:6]
"""Kinds whose tones differ from country to country."""

LOWEST_HZ, HIGHEST_HZ = 280.0, 2000.0
"""Frequencies of national tones: mains hum and bell currents lie below."""


@dataclass(frozen=True, slots=True)
class Chord:
    """Frequencies that sound together."""

    hz: tuple[float, ...]
    """One or more, rising."""
    modulated_by_hz: float = 0.0
    """Frequency that modulates the amplitude, 0 for none."""

    def __str__(self) -> str:
        together = "+".join(f"{hz:g}" for hz in self.hz)
        return f"{together}*{self.modulated_by_hz:g}" if self.modulated_by_hz else together


@dataclass(frozen=True, slots=True)
class Step:
    """A chord, or a pause, for so long."""

    chord: Chord | None
    """None for a pause."""
    seconds: float
    """Above 0, infinite where it lasts."""

    def __str__(self) -> str:
        sound = str(self.chord) if self.chord else "-"
        return sound if math.isinf(self.seconds) else f"{sound}/{self.seconds:g}"


@dataclass(frozen=True, slots=True)
class Cadence:
    """A tone in time: what comes once, then what comes again and again."""

    once: tuple[Step, ...]
    again: tuple[Step, ...]

    def __str__(self) -> str:
        again = " ".join(map(str, self.again))
        return f"{' '.join(map(str, self.once))} | {again}" if self.once else again


_STEP = re.compile(r"(?P<sound>-|[\d.]+(?:\+[\d.]+)*(?:\*[\d.]+)?)(?:/(?P<seconds>[\d.]+))?")


def parse_cadence(text: str) -> Cadence:
    """Read a tone as it is written in `tones.yaml`.

    Raises:
        ValueError: it is not written so; the text says what to write instead.
    """
    once, bar, again = text.rpartition("|")
    cadence = Cadence(*(tuple(_parse_step(step, text) for step in part.split()) for part in (once, again)))
    if not cadence.again or (bar and not cadence.once):
        raise ValueError(f"'{text}' has an empty side, write steps such as '425/1 -/4'")
    if all(step.chord is None for step in cadence.again):
        raise ValueError(f"'{text}' ends in nothing but pauses, write the tone's frequency in Hz")
    if any(math.isinf(step.seconds) for step in (*cadence.once, *cadence.again[:-1])):
        raise ValueError(f"'{text}' goes on after a step without end, write its length as '425/1'")
    return cadence


def _parse_step(step: str, text: str) -> Step:
    match = _STEP.fullmatch(step)
    if match is None:
        raise ValueError(f"'{step}' in '{text}' is no step, write it as '425/1', '350+440' or '-/4'")
    try:
        seconds = float(match["seconds"] or "inf")
        if match["sound"] == "-":
            chord = None
        else:
            carriers, _, modulator = match["sound"].partition("*")
            chord = Chord(tuple(sorted(float(hz) for hz in carriers.split("+"))), float(modulator or 0))
    except ValueError:
        raise ValueError(f"'{step}' in '{text}' holds no plain numbers, write it as '425/1'") from None
    if seconds <= 0:
        raise ValueError(f"'{step}' in '{text}' lasts no time, write its seconds above 0")
    if chord and not (chord.hz[0] >= LOWEST_HZ and chord.hz[-1] <= HIGHEST_HZ):
        raise ValueError(
            f"'{step}' in '{text}' is outside of {LOWEST_HZ:g} to {HIGHEST_HZ:g} Hz, leave it out"
        )
    return Step(chord, seconds)


Country = Annotated[str, StringConstraints(pattern=r"^[A-Z]{2}$")]


class _Tone(BaseModel):
    """A tone and the countries, codes parted by spaces, that use it for each kind."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    tone: str
    ringing: str = ""
    busy: str = ""
    congestion: str = ""
    number_unobtainable: str = ""
    dial_tone: str = ""
    other: str = ""

    @field_validator("tone")
    @classmethod
    def _readable(cls, text: str) -> str:
        try:
            parse_cadence(text)
        except ValueError as error:
            raise PydanticCustomError(COMPLAINT, "{said}", {"said": str(error)}) from None
        return text

    def meanings(self) -> dict[ToneKind, tuple[str, ...]]:
        """Return the countries of each kind that has any."""
        return {
            kind: tuple(str(getattr(self, kind)).split()) for kind in NATIONAL_KINDS if getattr(self, kind)
        }


class _Table(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    source: str
    countries: dict[Country, str]
    tones: tuple[_Tone, ...]
    excluded: tuple[str, ...] = ()
    """Tones of the source that are not listed, and why."""

    @model_validator(mode="after")
    def _known(self) -> Self:
        for tone in self.tones:
            for codes in tone.meanings().values():
                for code in codes:
                    if code not in self.countries:
                        raise PydanticCustomError(
                            COMPLAINT,
                            "tone '{tone}' names '{code}', which is not under `countries`, add it there",
                            {"tone": tone.tone, "code": code},
                        )
        return self


@dataclass(frozen=True, slots=True)
class Meaning:
    """A tone and what it means."""

    cadence: Cadence
    countries: Mapping[ToneKind, tuple[str, ...]]
    """ISO 3166-1 codes of the countries that use it, for each kind."""


@dataclass(frozen=True, slots=True)
class ToneTable:
    """All tones of all countries."""

    countries: Mapping[str, str]
    """English names by ISO 3166-1 code."""
    tones: tuple[Meaning, ...]

    def code_of(self, country: str) -> str:
        """Return the code of a country given by its code or its name, in capitals or not.

        Raises:
            ValueError: the table has no such country; the text says what to write.
        """
        wanted = country.strip().casefold()
        for code, name in self.countries.items():
            if wanted in (code.casefold(), name.casefold()):
                return code
        raise ValueError(f"'{country}' is no country with known tones, write its ISO 3166-1 code, such as DE")


def parse_table(text: str, source: str) -> ToneTable:
    """Read a table of tones from YAML; `source` names it in errors.

    Raises:
        ConfigError: it cannot be used; its text is one sentence.
    """
    table = parse_model(_Table, text, source)
    tones = tuple(Meaning(parse_cadence(tone.tone), tone.meanings()) for tone in table.tones)
    return ToneTable(dict(table.countries), tones)


@cache
def world() -> ToneTable:
    """Return the table that comes with the agent; reads its file the first time."""
    return parse_table((files(__package__) / "tones.yaml").read_text(encoding="utf-8"), "tones.yaml")
