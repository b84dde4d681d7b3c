"""How evidence settles into a verdict: what `settling` of the configuration sets."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Settling:
    """How evidence settles into a verdict; the defaults are chosen by composed calls (docs/calls.md)."""

    announcement_seconds: int = 3
    """Agreeing seconds of speech after which an announcement is final, 1 or more. Pauses do not count, nor
    what may be a song; a tone, a clear song or lost audio starts the count again."""
    announcement_confidence: float = 0.95
    """An announcement is not final below this confidence, 0 to 1."""
    tone_confidence: float = 0.7
    """A tone that says why the call fails (busy, SIT, ...) is final from this confidence on, 0 to 1."""
    unnamed_tone_confidence: float = 0.65
    """How sure it is at most that a tone is ringing whose cadence is of no network, 0 to 1."""
    tone_abstain_below: float = 0.4
    """A tone whose meaning is less sure than this is `unknown`, 0 to 1: busy in one country, congestion in as
    many others."""
    announcement_margin: float = 0.75
    """An announcement is not final if the mean margin of its seconds over music is below, 0 to 1: singers are
    heard as speech for long, but seldom clearly."""
    novelty: float = 0.7
    """Share of what a second tells of voice or song that is news, 0 to 1: seconds of one call err alike."""
    doubt_halves_every_seconds: float = 0.5
    """Fully sure seconds of sound that halve the doubt, above 0."""
    silence_doubt_halves_every_seconds: float = 1.2
    """Fully sure seconds of silence that halve the doubt that it is silence, above 0."""
    contradiction: float = 0.7
    """Share of the other weight that one fully sure second takes away, 0 to 1."""
    memory_seconds: float = 8.0
    """Greatest weight: a minute of ringing must not outlive the announcement after it."""
    abstain_below: float = 0.45
    """An outcome less sure than this is `unknown`, 0 to 1."""
    no_audio_seconds: float = 4.0
    """Seconds after the early media was announced without any audio that make `no_audio`."""
