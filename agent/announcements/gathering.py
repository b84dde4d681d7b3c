"""Unknown announcements gather themselves: what is heard again and again becomes a candidate."""

from collections.abc import Sequence
from dataclasses import dataclass

from agent.announcements.announcement import Announcement
from agent.announcements.database import LibraryError, explained, pack, unpack
from agent.announcements.library import Library, from_pcm16, to_pcm16
from agent.hearing.known import Known
from agent.hearing.pcm import SAMPLE_RATE, Samples
from agent.hearing.recognition import identify
from agent.hearing.tape import PRINT_VERSION, Fingerprint


@dataclass(frozen=True, slots=True)
class Limits:
    """How much is gathered."""

    most_unknown: int = 2000
    """Kept at most; what was heard least and longest ago goes first."""
    excerpt_seconds: float = 0.0
    """Kept of one call with each; 0: nothing that anybody said is kept."""
    excerpts: int = 200
    """Unknown announcements that have an excerpt, at most."""
    forget_after_seconds: float = 30 * 86_400.0
    """What no call has played for so long is forgotten, with its excerpt."""


@dataclass(frozen=True, slots=True)
class Sighting:
    """How one trunk's calls with an unknown announcement ended."""

    trunk: str
    sip_code: int | None
    """The carrier's final code, None where there was none."""
    calls: int


@dataclass(frozen=True, slots=True)
class Candidate:
    """An announcement that nobody has named yet."""

    number: int
    calls: int
    first_seen: float
    """Seconds since 1970, as `last_seen`."""
    last_seen: float
    seconds: float
    """Length of what was heard of it first."""
    excerpt: bool
    """There is a recording, so that it can be named."""
    sightings: tuple[Sighting, ...]
    """The most frequent first."""


class Gathering:
    """Clusters the speech that no announcement explains, across calls, in the library's file.

    The first call of a kind is what later ones are compared with. Use it from one thread; every method
    raises LibraryError where the file cannot be used.
    """

    def __init__(self, library: Library, limits: Limits = Limits()) -> None:
        self._library = library
        self.limits = limits
        """They may be changed at any time."""
        library.database.execute("PRAGMA synchronous = NORMAL")  # what a power cut takes are a few counts
        self._old = _Clusters([])
        self._recent = _Clusters([])
        self._load()

    def heard(
        self, fingerprint: Fingerprint, trunk: str, sip_code: int | None, now: float, speech: Samples | None
    ) -> int:
        """Take a call's unexplained speech, and `speech` itself where it may be kept; return its cluster.

        Args:
            fingerprint: of the speech.
            trunk: name of the trunk.
            sip_code: the carrier's final code, None where there was none.
            now: seconds since 1970.
            speech: (n,) samples at 8 kHz.
        """
        number = self._recent.find(fingerprint) or self._old.find(fingerprint)
        database = self._library.database
        with explained(self._library.file), database:
            if (
                number is None
                or not database.execute(
                    "UPDATE unknown SET calls = calls + 1, last_seen = max(last_seen, ?) WHERE id = ?",
                    (now, number),
                ).rowcount
            ):
                number = self._begin(fingerprint, now)
            self._keep(number, speech)
            update = "ON CONFLICT DO UPDATE SET calls = calls + 1"
            database.execute(
                f"INSERT INTO sighting VALUES (?, ?, ?, 1) {update}",  # noqa: S608
                (number, trunk, sip_code or 0),
            )
        return number

    def tidy(self, now: float) -> None:
        """Forget what has not been heard for long."""
        with explained(self._library.file), self._library.database as database:
            oldest = now - self.limits.forget_after_seconds
            database.execute("DELETE FROM unknown WHERE last_seen < ?", (oldest,))

    def _begin(self, fingerprint: Fingerprint, now: float) -> int:
        database, most = self._library.database, self.limits.most_unknown
        (kept,) = database.execute("SELECT count(*) FROM unknown").fetchone()
        if kept >= most:
            database.execute(
                "DELETE FROM unknown WHERE id IN (SELECT id FROM unknown ORDER BY calls, last_seen LIMIT ?)",
                (kept - most + 1,),
            )
        row = database.execute(
            "INSERT INTO unknown (calls, first_seen, last_seen, fingerprint, version) VALUES (1, ?, ?, ?, ?)",
            (now, now, pack(fingerprint), PRINT_VERSION),
        )
        assert row.lastrowid is not None
        self._recent.add(row.lastrowid, fingerprint)
        if len(self._recent) >= _RECENT:
            self._load()
        return row.lastrowid

    def _keep(self, number: int, speech: Samples | None) -> None:
        """Keep an excerpt where that is allowed: of two calls the longer one's, of too many the rarest goes.

        The first call gives none: what one call alone has played may be somebody's own greeting.
        """
        longest = int(self.limits.excerpt_seconds * SAMPLE_RATE)
        if speech is None or not longest:
            return
        database, pcm = self._library.database, to_pcm16(speech[:longest])
        (calls,) = database.execute("SELECT calls FROM unknown WHERE id = ?", (number,)).fetchone()
        (others,) = database.execute("SELECT count(pcm) FROM unknown WHERE id <> ?", (number,)).fetchone()
        if calls == 1 or (others >= self.limits.excerpts and not self._make_room(number, calls)):
            return
        longer = "UPDATE unknown SET pcm = ? WHERE id = ? AND coalesce(length(pcm), 0) < ?"
        database.execute(longer, (pcm, number, len(pcm)))

    def _make_room(self, number: int, calls: int) -> bool:
        """Drop the excerpt of another one that was heard in fewer calls; say whether there was one."""
        rarer = """UPDATE unknown SET pcm = NULL WHERE id = (SELECT id FROM unknown
            WHERE pcm IS NOT NULL AND id <> ? AND calls < ? ORDER BY calls, last_seen LIMIT 1)"""
        return bool(self._library.database.execute(rarer, (number, calls)).rowcount)

    def _load(self) -> None:
        query = "SELECT id, fingerprint, version FROM unknown ORDER BY id"
        with explained(self._library.file):
            rows = self._library.database.execute(query).fetchall()
        readable = [(row, unpack(data, version)) for row, data, version in rows]
        self._old = _Clusters([(row, fingerprint) for row, fingerprint in readable if fingerprint])
        self._recent = _Clusters([])


_RECENT = 64
"""New clusters after which all are laid on one tape again."""


class _Clusters:
    """Unknown announcements on a tape that is laid anew when one is added."""

    def __init__(self, clusters: list[tuple[int, Fingerprint]]) -> None:
        self._clusters = clusters
        self._known: Known | None = None

    def __len__(self) -> int:
        return len(self._clusters)

    def add(self, number: int, fingerprint: Fingerprint) -> None:
        self._clusters.append((number, fingerprint))
        self._known = None

    def find(self, fingerprint: Fingerprint) -> int | None:
        self._known = self._known or Known.of([(i, f) for i, (_, f) in enumerate(self._clusters)])
        # Two clusters may be pieces of one announcement: the next call is one of them, no third.
        match = identify(self._known, fingerprint, rival=1.0)
        return self._clusters[match.owner][0] if match else None


def candidates(library: Library, fewest_calls: int) -> Sequence[Candidate]:
    """Return what was heard in so many calls or more, the most frequent first."""
    query = """SELECT id, calls, first_seen, last_seen, fingerprint, version, pcm IS NOT NULL FROM unknown
        WHERE calls >= ? ORDER BY calls DESC, last_seen DESC"""
    of = "SELECT trunk, sip_code, calls FROM sighting WHERE unknown = ? ORDER BY calls DESC, trunk, sip_code"
    found = []
    with explained(library.file):
        for row, calls, first, last, data, version, excerpt in library.database.execute(
            query, (fewest_calls,)
        ):
            fingerprint = unpack(data, version)
            sightings = tuple(
                Sighting(trunk, code or None, count)
                for trunk, code, count in library.database.execute(of, (row,))
            )
            seconds = len(fingerprint.prints) / 64 if fingerprint else 0.0
            found.append(Candidate(row, calls, first, last, seconds, bool(excerpt), sightings))
    return found


def name(library: Library, number: int, announcement: Announcement) -> None:
    """Make a candidate a known announcement.

    Raises:
        LibraryError: there is no such candidate, nothing of it was kept, or the library refuses it.
    """
    with explained(library.file):
        row = library.database.execute("SELECT pcm FROM unknown WHERE id = ?", (number,)).fetchone()
    if row is None:
        raise LibraryError(
            f"{library.file}: there is no candidate {number}; see `earlymedia announcements candidates`."
        )
    if row[0] is None:
        raise LibraryError(
            f"{library.file}: nothing of candidate {number} was kept; allow excerpts in the configuration "
            "(announcements.excerpt_seconds) or add a recording of it."
        )
    library.add(announcement, [from_pcm16(row[0])])
    with explained(library.file), library.database:
        library.database.execute("DELETE FROM unknown WHERE id = ?", (number,))
