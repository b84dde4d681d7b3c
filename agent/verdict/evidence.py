"""Everything that one call has told so far, kept so that a verdict costs nothing to read.

Two questions are kept apart: whether a tone is heard or a programme, and whether that is a voice or a song.

Each second of ringing adds its margin over speech and music, 0 to 1, to the *weight* of tones, each of speech
or music the reverse to the weight of the programme: a weight reads as "fully sure seconds". It takes away
from the other weight, so later evidence replaces earlier. Silence takes nothing away: inside a cadence it
belongs to the tone, before the first sound it settles nothing. Voice and song share the programme's weight by
their odds (`agent.verdict.voice_or_song`).

With W the sum of both weights, V the probability of a voice, S the seconds of silence, h and g the seconds
that halve the doubt:

    belief in ringing     weight of tones / W * (1 - 2^(-W/h))
    belief in speech      weight of the programme / W * (1 - 2^(-W/h)) * V, in music * (1 - V)
    belief in silence     2^(-W/h) * (1 - 2^(-S/g))
    no belief             2^(-W/h) * 2^(-S/g)

These sum to 1. More of a sound never lowers the belief in it: the belief is weight * f(W) with f falling, W
never grows by more than the weight does, and its odds only grow.

A recognised tone adds its confidence to the weight of tones and says which it is. Busy, congestion, SIT and
the like are final once sure enough; a ringing tone never is, since anything may follow it. What countries
contradict each other about stays open too: the next cycles may decide.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from math import exp2

from agent.hearing.pcm import SAMPLE_RATE
from agent.hearing.sound import SOUNDS, HeardSecond, Sound
from agent.hearing.spectrogram import LOOKAHEAD
from agent.hearing.tone_table import ToneKind
from agent.hearing.tones import ToneEvent
from agent.verdict.outcome import Outcome
from agent.verdict.settling import Settling
from agent.verdict.voice_or_song import VoiceOrSong, bits_of

LETTER = {Sound.RINGING: "r", Sound.SPEECH: "s", Sound.MUSIC: "m", Sound.SILENCE: "."}
"""How `Evidence.timeline` writes a second."""
_CLEAR_BITS = 2.0
"""Music that is four times as likely as speech breaks a run of it."""
_SONGS_HOLD = (ToneKind.FAX_OR_MODEM, ToneKind.SIT_OTHER, ToneKind.DIAL_TONE)
"""What a song may hold too: one long note, a chord, three notes that rise."""
_NOTES = (ToneKind.DIAL_TONE, ToneKind.NUMBER_UNOBTAINABLE)
"""What one long note may be taken for."""
GAP = "!"
"""How `Evidence.timeline` writes that audio was lost before the next second."""


@dataclass(slots=True)
class Evidence:
    """What one call has told so far.

    Feed it in the order of the call: `early_media` and `tapped` as they happen, `hear` for each second of
    audio and `hear_tone` for what tones say, `waited` while no audio comes, at last `answer` or `end`.
    Nothing after `answer` or `end` counts. No clock is read: durations come in.
    """

    settling: Settling = field(default_factory=Settling)
    ringing_signalled: bool = False
    """The carrier sent a 180 without a session description."""
    early_media_signalled: bool = False
    """The carrier announced early media: 183, or 180 with a session description."""
    tapped: bool = False
    """A tap was attached."""
    seconds_without_audio: float = 0.0
    """Seconds since the early media was announced, as long as no audio has come."""
    answered: bool = False
    ended: bool = False
    end_unseen: bool = False
    """Nobody saw how it ended: it may have been answered."""
    tones: float = 0.0
    """Fully sure seconds of tones that later sounds have not taken away."""
    programme: float = 0.0
    """Fully sure seconds of speech and music that later tones have not taken away."""
    silence: float = 0.0
    """Fully sure seconds of silence."""
    speech_run: int = 0
    """Agreeing seconds of speech up to now."""
    speech_run_weight: float = 0.0
    """Sum of their margins."""
    tone: ToneEvent | None = None
    """The latest tone that was recognised, as surely as it was, at the time when it first was."""
    announcement: str | None = None
    """Name of the known announcement that the call plays."""
    gaps: int = 0
    """Times that audio was lost."""
    seconds_heard: int = 0
    final_at: float | None = None
    """Seconds of audio heard when the verdict became final."""
    seconds_of: dict[Sound, int] = field(default_factory=lambda: dict.fromkeys(SOUNDS, 0))
    """Seconds heard of each sound."""
    _song_until: float = float("-inf")
    """End of the latest second of a clear song, in seconds of audio."""
    odds: VoiceOrSong = field(init=False)
    """Whether the programme is a voice or a song."""
    _marks: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.odds = VoiceOrSong(self.settling.novelty)

    @property
    def timeline(self) -> str:
        """One letter a second (`r` ringing, `s` speech, `m` music, `.` silence), `!` where audio was lost."""
        return "".join(self._marks)

    @property
    def closed(self) -> bool:
        """Nothing more counts."""
        return self.answered or self.ended

    @property
    def ended_by_tone(self) -> bool:
        """The latest tone says surely enough why the call fails."""
        if self.tone is None or Outcome(self.tone.kind).stays_open:
            return False
        return self.tone.confidence >= self.settling.tone_confidence

    @property
    def announced(self) -> bool:
        """Enough clear speech has been heard in a row to make an announcement final."""
        return (
            self.speech_run >= self.settling.announcement_seconds
            and self.speech_run_weight >= self.settling.announcement_margin * self.speech_run
            and self.belief(Sound.SPEECH) >= self.settling.announcement_confidence
        )

    def hear(self, second: HeardSecond) -> None:
        """Take in one second of audio; O(1)."""
        if self.closed:
            return
        sound = second.sound
        self.seconds_heard += 1
        self.seconds_of[sound] += 1
        if second.after_gap:
            self.gaps += 1
            self._marks.append(GAP)
        self._marks.append(LETTER[sound])
        if self.final_at is None:
            self._weigh_second(second)
        if second.announcement is not None:
            self.hear_announcement(second.announcement)

    def _weigh_second(self, second: HeardSecond) -> None:
        ringing, speech, music, silent = second.p
        sound = second.sound
        if second.after_gap or sound is Sound.RINGING:
            self._interrupt()
        if sound is Sound.SILENCE:
            self.silence += silent
        elif sound is Sound.RINGING:
            self._weigh_tone(max(0.0, ringing - speech - music))
        else:
            self._weigh_programme(speech + music - ringing)
            told = bits_of(speech, music)
            self.odds.hear(told)
            if sound is Sound.MUSIC and self.belief(Sound.MUSIC) >= self.settling.tone_confidence:
                self._song_until = second.at + 1.0
            if told <= -_CLEAR_BITS:
                self._interrupt()
            elif sound is Sound.SPEECH:
                self.speech_run += 1
                self.speech_run_weight += speech - music
                if self.announced:
                    self.final_at = float(self.seconds_heard)

    def _interrupt(self) -> None:
        self.speech_run, self.speech_run_weight = 0, 0.0

    def hear_tone(self, event: ToneEvent) -> None:
        """Take in what the network says with a tone; O(1). The latest counts, of the same kind the surest."""
        if self.closed or self.final_at is not None or self._misheard(event):
            return
        if self.tone is None or event.kind is not self.tone.kind:
            self.tone = event
        elif event.confidence >= self.tone.confidence:
            self.tone = replace(event, at=self.tone.at)
        self._interrupt()
        self._weigh_tone(event.confidence)
        if self.ended_by_tone:
            self.final_at = event.at

    def _misheard(self, event: ToneEvent) -> bool:
        """Tell whether a tone is a song's own notes, or a doubtful second reading of what rang."""
        sure = self.settling.tone_confidence
        if event.kind in _NOTES and event.since < self._song_until + 1.0:
            return True  # the note that a song ends with
        if event.kind in _SONGS_HOLD:
            return self.belief(Sound.MUSIC) >= sure
        doubtful = event.kind is not ToneKind.RINGING and event.confidence < sure
        rang = self.tone is not None and self.tone.kind is ToneKind.RINGING and event.since < self.tone.at
        return doubtful and rang

    def hear_announcement(self, name: str) -> None:
        """Take note that the second heard last belongs to the known announcement `name`; `hear` calls it.

        It is final at once. A final `announcement` or `sit_other`, which only say that there is one, still
        gain the name; any other final verdict stands, and so does the first name.
        """
        if self.closed or self.announcement is not None:
            return
        if self.final_at is None:
            self.final_at = float(self.seconds_heard)
        elif self.ended_by_tone and self.tone and self.tone.kind is not ToneKind.SIT_OTHER:
            return
        self.announcement = name

    def take_in(self, heard: HeardSecond | ToneEvent) -> None:
        """Take in whatever hearing told, a second with its known announcement or a tone."""
        if isinstance(heard, ToneEvent):
            self.hear_tone(heard)
        else:
            self.hear(heard)

    def waited(self, seconds: float) -> None:
        """Take note that `seconds` after the early media was announced no audio has come yet."""
        if not self.closed and self.seconds_heard == 0:
            self.seconds_without_audio = max(self.seconds_without_audio, seconds)

    def ring(self) -> None:
        """Take note of a 180 without a session description."""
        self.ringing_signalled = self.ringing_signalled or not self.closed

    def early_media(self) -> None:
        """Take note that early media was announced."""
        self.early_media_signalled = self.early_media_signalled or not self.closed

    def tap(self) -> None:
        """Take note that a tap listens."""
        self.tapped = self.tapped or not self.closed

    def answer(self) -> None:
        """Take note of the callee's true answer: it outdoes everything heard."""
        if not self.closed:
            self.answered = True
            self.final_at = float(self.seconds_heard)

    def end(self, *, seen: bool = True) -> None:
        """Take note that the leg is gone: what stands is final; an unseen end may have followed an answer."""
        if not self.closed:
            self.ended, self.end_unseen = True, not seen
            if self.final_at is None:
                self.final_at = float(self.seconds_heard)

    def belief(self, sound: Sound) -> float:
        """How sure it is that the call now plays this sound (silence: that it never played any), 0 to 1."""
        total = self.tones + self.programme
        doubt = exp2(-total / self.settling.doubt_halves_every_seconds)
        if sound is Sound.SILENCE:
            return doubt * (1.0 - exp2(-self.silence / self.settling.silence_doubt_halves_every_seconds))
        if not total:
            return 0.0
        if sound is Sound.RINGING:
            return self.tones / total * (1.0 - doubt)
        share = self.odds.voice if sound is Sound.SPEECH else 1.0 - self.odds.voice
        return self.programme / total * (1.0 - doubt) * share

    def _weigh_tone(self, margin: float) -> None:
        taken = self.settling.contradiction * margin
        self.programme *= 1.0 - taken
        self.odds.fade(taken)
        self.tones = min(self.tones + margin, self.settling.memory_seconds)

    def _weigh_programme(self, margin: float) -> None:
        self.tones *= 1.0 - self.settling.contradiction * margin
        self.programme = min(self.programme + margin, self.settling.memory_seconds)


def in_order(seconds: Sequence[HeardSecond], tones: Sequence[ToneEvent]) -> Iterator[HeardSecond | ToneEvent]:
    """Merge what one call's audio told into the order in which it was known, however it was batched."""
    heard: list[HeardSecond | ToneEvent] = [*tones, *seconds]
    return iter(sorted(heard, key=known_at))


def known_at(heard: HeardSecond | ToneEvent) -> float:
    """Return after how many seconds of audio a tone is recognised, or a second judged."""
    return heard.at if isinstance(heard, ToneEvent) else heard.at + 1.0 + LOOKAHEAD / SAMPLE_RATE
