"""Composes whole calls, of which is known what a listener should make of them and when."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from agent.hearing.pcm import SAMPLE_RATE, Samples
from agent.hearing.sound import Sound
from agent.hearing.spectrogram import LOOKAHEAD
from agent.hearing.tone_table import ToneKind
from agent.train.corpus.call_scripts import SCRIPTS, Part, Play
from agent.train.corpus.call_tones import SIT_KINDS, Spoken, deal_tones, known_after, once, spoken_tones
from agent.train.corpus.channel import NORMAL_DBFS, Channel, draw_channel, transmit
from agent.train.corpus.material import Source, Tones
from agent.train.corpus.plan import Plan, draw
from agent.train.corpus.synth import Shelf, family_of, share_folds, shelve
from agent.train.corpus.tones import Pattern, Tolerance
from agent.verdict.outcome import Outcome

VOICE_DB = (-20.0, -10.0)
"""Level of a voice in a song, over the song's: what is 10 dB louder is what plays, to an ear."""
_LEVEL_DB = (-6.0, 0.0)
"""Level of a part; exchanges, announcers and songs are not equally loud."""
_LIBRARY_SHARE = 4
"""Every so many voices speak the library's announcements and no others."""
_NO_ANNOUNCERS = {"synthesiser", "words"}
"""Families of which no voice is in the library: synthesisers' are hardly told apart when they read the same
sentence, and single words with pauses between them are no announcement."""
_LIBRARY_S = 16
_LATEST_START_S = 2.0
_LISTEN_S = 1.0
_BEEP_HZ = (440.0, 1400.0)
_NAMED_SHARE = 0.5
"""Calls on a trunk whose country is named."""

_TONE_PARTS = {
    Part.RINGING: (ToneKind.RINGING,),
    Part.BUSY: (ToneKind.BUSY,),
    Part.CONGESTION: (ToneKind.CONGESTION,),
    Part.NUMBER_UNOBTAINABLE: (ToneKind.NUMBER_UNOBTAINABLE,),
    Part.DIAL_TONE: (ToneKind.DIAL_TONE,),
    Part.SIT: SIT_KINDS,
    Part.SIT_REPEATED: SIT_KINDS,
    Part.FAX_OR_MODEM: (ToneKind.FAX_OR_MODEM,),
}
_SOUND_OF = {
    Part.QUIET: Sound.SILENCE,
    Part.VOICE: Sound.SPEECH,
    Part.SONG: Sound.MUSIC,
    Part.VOICED_SONG: Sound.MUSIC,
}


@dataclass(frozen=True, slots=True)
class LibraryEntry:
    """An announcement that the agent has been taught."""

    name: str
    fold: int
    voice: Source
    seed: tuple[int, ...]

    def speak(self) -> Samples:
        """Return the announcement before any channel, the same each time."""
        spoken, _ = self.voice.play(_LIBRARY_S * SAMPLE_RATE, np.random.default_rng(self.seed))
        return spoken


@dataclass(frozen=True, slots=True)
class Passage:
    """A stretch of a call that means one thing."""

    outcomes: tuple[Outcome, ...]
    """What is right to say: first what the network means, then what else it means by the same tone, and if
    nobody knows which network it is, what most mean."""
    start: float
    """Seconds from the start of the call to the first sound of it."""
    known: float
    """Seconds after which a listener who misses nothing knows it: `known_after` a tone begins, and a second
    after anything else does."""
    announcement: str | None = None
    """Name in the library."""


@dataclass(frozen=True, slots=True)
class CallCue:
    """What one call is to hold."""

    index: int
    fold: int
    kind: str
    tones: tuple[Spoken, ...]
    """Those of its parts that are tones, in order."""
    country: str | None
    """The country that is named for its trunk."""


@dataclass(frozen=True, slots=True)
class ComposedCall:
    """One call and the truth about it."""

    cue: CallCue
    samples: Samples
    """8 kHz, and the 387 samples that its last second needs."""
    passages: tuple[Passage, ...]
    channel: Channel
    snr_db: float
    """Of its loudest part over the line's own noise."""


@dataclass(frozen=True, slots=True)
class Stage:
    """All that calls of one plan play."""

    plan: Plan
    shelves: tuple[Shelf, ...]
    """What can be played in each fold; no voice of the library."""
    library: tuple[LibraryEntry, ...]
    fold_of: Mapping[Pattern, int]


def set_stage(sources: Sequence[Source], plan: Plan) -> Stage:
    """Put sources on the shelves of their folds, and let some of the voices speak a library."""
    shelves = shelve(sources, plan)
    library: list[LibraryEntry] = []
    for fold, shelf in enumerate(shelves):
        people = [v for v in shelf.get(Sound.SPEECH, []) if family_of(v) not in _NO_ANNOUNCERS]
        for index, voice in enumerate(people[1::_LIBRARY_SHARE]):
            library.append(LibraryEntry(f"known-{fold}-{index}", fold, voice, (plan.seed, 5, fold, index)))
            shelf[Sound.SPEECH].remove(voice)
    return Stage(plan, shelves, tuple(library), deal_tones(sources, share_folds(sources, plan.folds)))


def schedule_calls(stage: Stage, calls: int, seed: int) -> Iterator[CallCue]:
    """Decide what each of so many calls holds; all kinds for which there is material in turn.

    The tones of a call are one country's, and one fold's, as are its voices and songs: the student that is
    to judge it was fitted without this fold. Each country is as likely.
    """
    choices = {kind: found for kind, script in SCRIPTS.items() if (found := _choices(stage, script))}
    for index in range(calls):
        rng = np.random.default_rng([seed, 6, index])
        kind = list(choices)[index % len(choices)]
        fold, tones = choices[kind][int(rng.integers(len(choices[kind])))]
        countries = {tone.country for tone in tones} - {""}
        named = rng.random() < _NAMED_SHARE
        yield CallCue(index, fold, kind, tones, min(countries) if named and countries else None)


def _choices(stage: Stage, script: Sequence[Play]) -> list[tuple[int, tuple[Spoken, ...]]]:
    """List the folds that can play a script, with the tones that its parts may be, all of one country."""
    wanted = [_TONE_PARTS[play.part] for play in script if play.part in _TONE_PARTS]
    sounds = {_SOUND_OF[play.part] for play in script if play.part in _SOUND_OF}
    found: list[tuple[int, tuple[Spoken, ...]]] = []
    for fold in range(stage.plan.folds):
        knows = any(entry.fold == fold for entry in stage.library)
        if not stage.shelves[fold].keys() >= sounds or (_needs_library(script) and not knows):
            continue
        tones = [tone for tone in spoken_tones() if stage.fold_of.get(tone.pattern) == fold]
        combined: list[tuple[Spoken, ...]] = [()]
        for kinds in wanted:
            combined = [
                (*before, tone)
                for before in combined
                for tone in tones
                if tone.kind in kinds and len({t.country for t in (*before, tone)} - {""}) <= 1
            ]
        found += [(fold, each) for each in combined]
    return found


def _needs_library(script: Sequence[Play]) -> bool:
    return any(play.part is Part.KNOWN for play in script)


def compose_call(cue: CallCue, stage: Stage, seed: int) -> ComposedCall:
    """Compose one call; the same cue gives the same samples, whoever composes the others."""
    rng = np.random.default_rng([seed, 7, cue.index])
    gain_db = float(rng.uniform(*stage.plan.channel.gain_db))
    parts: list[Samples] = []
    passages: list[Passage] = []
    tones = iter(cue.tones)
    at = 0
    for play in SCRIPTS[cue.kind]:
        samples = int(rng.uniform(play.shortest, play.longest) * SAMPLE_RATE)
        spoken = next(tones) if play.part in _TONE_PARTS else None
        part, passage = _play(play.part, spoken, samples, cue, stage, rng)
        db = -gain_db if play.part is Part.QUIET else float(rng.uniform(*_LEVEL_DB))
        parts.append(part * np.float32(10 ** (db / 20)))
        if passage is not None:
            began, known = at / SAMPLE_RATE + passage.start, at / SAMPLE_RATE + passage.known
            passages.append(Passage(passage.outcomes, began, known, passage.announcement))
        at += len(part)
    channel = draw_channel(rng, gain_db, stage.plan.channel)
    whole = np.concatenate([*parts, np.zeros(LOOKAHEAD, np.float32)])
    snr_db = NORMAL_DBFS + gain_db - channel.noise_db
    return ComposedCall(cue, transmit(whole, channel), _told(passages), channel, snr_db)


def _play(
    part: Part, spoken: Spoken | None, samples: int, cue: CallCue, stage: Stage, rng: np.random.Generator
) -> tuple[Samples, Passage | None]:
    """Sound a part; returns it with its meaning, whose times count from its own start."""
    if spoken is not None:
        return _play_tone(part, spoken, samples, cue, stage, rng)
    if part is Part.BEEP:
        time_s = np.arange(samples) / SAMPLE_RATE
        return (0.25 * np.sin(2 * np.pi * rng.uniform(*_BEEP_HZ) * time_s)).astype(np.float32), None
    if part is Part.KNOWN:
        ours = [entry for entry in stage.library if entry.fold == cue.fold]
        entry = ours[int(rng.integers(len(ours)))]
        first = int(rng.uniform(0, _LATEST_START_S) * SAMPLE_RATE)
        meaning = Passage((Outcome.ANNOUNCEMENT,), 0.0, _LISTEN_S, entry.name)
        return entry.speak()[first : first + samples], meaning
    source = _draw_source(stage, cue.fold, _SOUND_OF[part], rng)
    played, on = source.play(samples, rng)
    if part is Part.QUIET:
        return played, Passage((Outcome.SILENCE,), 0.0, _LISTEN_S)
    if part is Part.VOICED_SONG:
        voice, _ = _draw_source(stage, cue.fold, Sound.SPEECH, rng).play(samples, rng)
        played = played + voice * np.float32(10 ** (rng.uniform(*VOICE_DB) / 20))
    outcome = Outcome.ANNOUNCEMENT if part is Part.VOICE else Outcome.MUSIC
    began = int(on.argmax()) / SAMPLE_RATE
    return played, Passage((outcome,), began, began + _LISTEN_S)


def _play_tone(
    part: Part, spoken: Spoken, samples: int, cue: CallCue, stage: Stage, rng: np.random.Generator
) -> tuple[Samples, Passage]:
    rules = stage.plan.tones
    pattern = once(spoken.pattern) if part is Part.SIT else spoken.pattern
    tone = Tones("", (pattern,), Tolerance(rules.pitch_tolerance, rules.time_tolerance))
    played, on = tone.play(samples, rng)
    if part is Part.SIT:
        pause = int(rng.uniform(0.0, 0.5) * SAMPLE_RATE)
        ends = len(on) - int(on[::-1].argmax())
        played, on = played[: ends + pause], on[: ends + pause]
    kinds = {spoken.kind: None} | dict.fromkeys(spoken.too)
    if cue.country is None and spoken.country:
        kinds[spoken.mostly] = None
    began = int(on.argmax()) / SAMPLE_RATE
    return played, Passage(tuple(map(Outcome, kinds)), began, known_after(spoken, on) / SAMPLE_RATE)


def _draw_source(stage: Stage, fold: int, sound: Sound, rng: np.random.Generator) -> Source:
    """Draw a family by its share and one of its sources."""
    shelf = stage.shelves[fold][sound]
    family = draw({name: stage.plan.families.get(name, 1.0) for name in map(family_of, shelf)}, rng)
    ours = [source for source in shelf if family_of(source) == family]
    return ours[int(rng.integers(len(ours)))]


def _told(passages: Sequence[Passage]) -> tuple[Passage, ...]:
    """Leave out what changes nothing: silence after a sound, an announcement after what says more."""
    told: list[Passage] = []
    for passage in passages:
        if told and told[-1].outcomes[0] is not Outcome.SILENCE:
            before = told[-1].outcomes[0]
            if passage.outcomes[0] in (Outcome.SILENCE, before):
                continue
            if not before.stays_open:
                continue
        told.append(passage)
    return tuple(told)
