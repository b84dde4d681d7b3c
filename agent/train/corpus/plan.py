"""What a corpus is to hold: one YAML file, every value of it checked (`corpora/default.yaml` explains it)."""

import hashlib
import json
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, TypeVar

import numpy as np
from pydantic import AfterValidator, BaseModel, ConfigDict, Field
from pydantic_core import PydanticCustomError

from agent.train.corpus.codecs import Codec
from agent.train.corpus.noise import Noise
from agent.train.errors import MaterialError
from agent.yaml_file import COMPLAINT, ConfigError, parse_model, read_text

DEFAULT_PLAN = Path(__file__).parent / "corpora" / "default.yaml"

T = TypeVar("T")


class Scene(StrEnum):
    """What one recording holds."""

    RINGING = "ringing"
    SPEECH = "speech"
    MUSIC = "music"
    SILENCE = "silence"
    IN_TURN = "in_turn"
    """One sound and then another."""
    VOICE_OVER_MUSIC = "voice_over_music"


class Concealment(StrEnum):
    """What a receiver plays in place of a lost packet."""

    ZEROS = "zeros"
    REPEAT = "repeat"
    """The last packet again, fainter each time (ITU-T G.711 Appendix I does better)."""
    NOISE = "noise"


def _complain(text: str) -> PydanticCustomError:
    return PydanticCustomError(COMPLAINT, "{text}", {"text": text})


def _ordered(pair: tuple[float, float]) -> tuple[float, float]:
    if pair[0] > pair[1]:
        raise _complain(f"a range goes from low to high, turn [{pair[0]:g}, {pair[1]:g}] round")
    return pair


def _some(shares: dict[T, float]) -> dict[T, float]:
    if sum(shares.values()) <= 0:
        raise _complain("all shares are 0, give one of them more")
    return shares


Range = Annotated[tuple[float, float], AfterValidator(_ordered)]
"""Lowest and highest value."""
Part = Annotated[float, Field(ge=0, le=1)]
PartRange = Annotated[tuple[Part, Part], AfterValidator(_ordered)]
Positive = Annotated[float, Field(gt=0, allow_inf_nan=False)]
Share = Annotated[float, Field(ge=0, allow_inf_nan=False)]


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Materials(_Section):
    """Where the material lies."""

    audio_folder: Path | None = None
    prompt_folders: tuple[Path, ...] = ()
    song_folders: tuple[Path, ...] = ()
    tones_file: Path | None = None


class ToneRules(_Section):
    """How tones vary, and how many of no country there are."""

    pitch_tolerance: Annotated[float, Field(ge=0, le=0.1)] = 0.02
    time_tolerance: Annotated[float, Field(ge=0, le=0.5)] = 0.10
    invented_groups: Annotated[int, Field(ge=0)] = 40
    invented_patterns: Annotated[int, Field(ge=1)] = 40


class OverlapRules(_Section):
    """A voice over music."""

    voice_db: Range = (-12.0, 26.0)
    dominance_db: Share = 10.0


class SilenceRules(_Section):
    """A line on which nobody sends anything."""

    level_dbfs: Range = (-80.0, -36.0)


class ChannelRules(_Section):
    """What channels are drawn from."""

    gain_db: Range
    noise_below_db: Range
    noises: Annotated[dict[Noise, Share], AfterValidator(_some)]
    codecs: Annotated[dict[Codec, Share], AfterValidator(_some)]
    last_codec: Annotated[dict[Codec, Share], AfterValidator(_some)]
    codecs_before_last: Annotated[dict[Annotated[int, Field(ge=0, le=5)], Share], AfterValidator(_some)]
    loss_share: Part
    loss: PartRange
    burst_stay: PartRange
    concealment: Annotated[dict[Concealment, Share], AfterValidator(_some)]
    band_share: Part
    band_low_hz: Annotated[tuple[Positive, Positive], AfterValidator(_ordered)]
    band_high_hz: Annotated[tuple[Positive, Annotated[float, Field(lt=4000)]], AfterValidator(_ordered)]
    clip_share: Part
    clip_db: Range
    offset_share: Part
    offset: Range
    echo_share: Part
    echo_delay_ms: Annotated[tuple[Positive, Positive], AfterValidator(_ordered)]
    echo_db: Range


class OwnFolder(_Section):
    """Recordings of the user's own, with labels."""

    folder: Path
    labels: Path
    weight: Positive = 1.0
    channel: bool = False
    gain_db: Range = (-12.0, 0.0)


class Plan(_Section):
    """What a corpus is to hold."""

    seed: Annotated[int, Field(ge=0)]
    recordings: Annotated[int, Field(ge=1)]
    recording_s: Annotated[int, Field(ge=5, le=600)]
    folds: Annotated[int, Field(ge=2, le=20)]
    material: Materials = Materials()
    scenes: Annotated[dict[Scene, Share], AfterValidator(_some)]
    families: dict[str, Share] = {}
    tones: ToneRules = ToneRules()
    voice_over_music: OverlapRules = OverlapRules()
    silence: SilenceRules = SilenceRules()
    channel: ChannelRules
    own: tuple[OwnFolder, ...] = ()

    def digest(self) -> str:
        """Return the sha256 of everything that decides on the sound: all but where the material lies."""
        return hashlib.sha256(json.dumps(self.without_paths(), sort_keys=True).encode()).hexdigest()

    def without_paths(self) -> dict[str, Any]:
        """Return everything that decides on the sound, ready for JSON."""
        return self.model_dump(
            mode="json", exclude={"material": True, "own": {"__all__": {"folder", "labels"}}}
        )


def read_plan(path: Path = DEFAULT_PLAN) -> Plan:
    """Read a plan; its paths are taken from the folder that it lies in.

    Raises:
        MaterialError: it cannot be read, or a key or value is wrong.
    """
    try:
        plan = parse_model(Plan, read_text(path), str(path))
    except ConfigError as error:
        raise MaterialError(str(error).replace("--config", "--plan").removesuffix(".")) from error
    at = path.parent
    material = plan.material
    return plan.model_copy(
        update={
            "material": Materials(
                audio_folder=material.audio_folder and at / material.audio_folder,
                prompt_folders=tuple(at / folder for folder in material.prompt_folders),
                song_folders=tuple(at / folder for folder in material.song_folders),
                tones_file=material.tones_file and at / material.tones_file,
            ),
            "own": tuple(
                one.model_copy(update={"folder": at / one.folder, "labels": at / one.labels})
                for one in plan.own
            ),
        }
    )


def draw(shares: dict[T, float], rng: np.random.Generator) -> T:
    """Choose one key, each as often as its share says, in whatever order they stand."""
    keys = sorted(shares, key=str)
    odds = np.array([shares[key] for key in keys], float)
    return keys[int(rng.choice(len(keys), p=odds / odds.sum()))]
