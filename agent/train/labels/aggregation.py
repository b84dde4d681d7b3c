"""From the classes of AudioSet to the four sounds of a telephone line.

`default` is `aggregation.yaml`, which decides each of the 527 classes by its id. `thesis` maps by parts of
names, as the thesis did, for comparison only: its list was not published whole, this one repeats every
consequence that is known (Snoring, Sliding door and White noise ring; Run, Crunch, Grunge and Ambient music
are silence; Skateboard and Applause are music; Busy signal is nothing).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, model_validator
from pydantic_core import PydanticCustomError

from agent.hearing.sound import SOUNDS, Sound
from agent.train.teachers.audioset import class_names
from agent.yaml_file import COMPLAINT, parse_model, read_text

_DEFAULT = Path(__file__).with_name("aggregation.yaml")
_THESIS: tuple[tuple[Sound, tuple[str, ...]], ...] = (
    (Sound.SILENCE, ("silence", "run", "ambient")),
    (Sound.RINGING, ("ring", "ding", "phone", "dial", "tone", "beep", "white noise")),
    (Sound.SPEECH, ("speech", "speaking", "conversation", "narration")),
    (Sound.MUSIC, ("music", "sing", "song", "instrument", "guitar", "piano", "drum", "board", "applause")),
)


@dataclass(frozen=True, slots=True)
class Aggregation:
    """Which sound each class of AudioSet is."""

    name: str
    sounds: Mapping[str, Sound]
    """Sound of each class by its id; a class that is not here says nothing."""

    def members(self, classes: tuple[str, ...]) -> NDArray[np.bool_]:
        """Return which of a teacher's classes belong to which of `SOUNDS`, (classes, 4)."""
        return np.array([[self.sounds.get(mid) is sound for sound in SOUNDS] for mid in classes])


class _Table(BaseModel):
    """The file: id and name of every class, under what it is."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    ringing: dict[str, str]
    speech: dict[str, str]
    music: dict[str, str]
    silence: dict[str, str]
    nothing: dict[str, str]

    @model_validator(mode="after")
    def _complete(self) -> "_Table":
        names, seen = class_names(), set[str]()
        for part in (self.ringing, self.speech, self.music, self.silence, self.nothing):
            for mid, name in part.items():
                if names.get(mid) != name:
                    wanted = f"its name is '{names[mid]}'" if mid in names else "there is no such class"
                    raise _complaint(f"{mid} '{name}' is not of AudioSet ({wanted}), mend the line")
                if mid in seen:
                    raise _complaint(f"{mid} '{name}' stands under two sounds, keep one")
                seen.add(mid)
        if missing := [mid for mid in names if mid not in seen]:
            first = f"{missing[0]} '{names[missing[0]]}'"
            raise _complaint(
                f"{len(missing)} classes are missing, such as {first}: decide each, if for nothing"
            )
        return self


def _complaint(text: str) -> PydanticCustomError:
    return PydanticCustomError(COMPLAINT, "{text}", {"text": text})


def read_aggregation(path: Path) -> Aggregation:
    """Read a table in which every class of AudioSet stands exactly once, under its own name.

    Raises:
        ConfigError: it cannot be read, or a class is missing, misnamed or given twice.
    """
    table = parse_model(_Table, read_text(path), str(path))
    parts = {sound: getattr(table, sound.value) for sound in SOUNDS}
    return Aggregation(path.stem, {mid: sound for sound, part in parts.items() for mid in part})


@cache
def default_aggregation() -> Aggregation:
    """Return the table that is part of the product."""
    return Aggregation("default", read_aggregation(_DEFAULT).sounds)


@cache
def thesis_aggregation() -> Aggregation:
    """Return the thesis' way: the first list that holds a part of the class' name decides."""
    return Aggregation(
        "thesis",
        {mid: sound for mid, name in class_names().items() if (sound := _thesis_sound(name.lower()))},
    )


def _thesis_sound(name: str) -> Sound | None:
    return next((sound for sound, parts in _THESIS if any(part in name for part in parts)), None)


def aggregation_named(name: str) -> Aggregation:
    """Return `default`, `thesis`, or what a YAML file of the same form says.

    Raises:
        ConfigError: the file cannot be used.
    """
    match name:
        case "default":
            return default_aggregation()
        case "thesis":
            return thesis_aggregation()
        case _:
            return read_aggregation(Path(name))
