"""One budget per number, and a database that can hurt nobody."""

import asyncio
import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from structlog.testing import capture_logs

from agent.service.attempts import Attempts

DAY = 86_400.0


@contextmanager
def attempts(
    file: Path,
    maximum: int = 3,
    period_seconds: float = DAY,
    clock: Callable[[], float] = time.monotonic,
) -> Iterator[Attempts]:
    opened = Attempts(file, maximum=maximum, period_seconds=period_seconds, clock=clock)
    try:
        yield opened
    finally:
        opened.close()


async def test_every_call_of_a_number_counts(tmp_path: Path) -> None:
    with attempts(tmp_path / "a.sqlite3") as budget:
        assert [await budget.count(f"leg{n}", "alice", 100.0 + n) for n in range(3)] == [1, 2, 3]
        assert await budget.count("leg9", "bob", 110.0) == 1


async def test_a_budget_is_spent_when_the_last_call_was_made(tmp_path: Path) -> None:
    with attempts(tmp_path / "a.sqlite3", maximum=2) as budget:
        assert not budget.spent(await budget.count("1", "alice", 100.0))
        assert budget.spent(await budget.count("2", "alice", 101.0))


async def test_a_leg_counts_once(tmp_path: Path) -> None:
    with attempts(tmp_path / "a.sqlite3") as budget:
        await budget.count("leg", "alice", 100.0)
        assert await budget.count("leg", "alice", 200.0) == 1


async def test_calls_older_than_the_period_are_forgiven(tmp_path: Path) -> None:
    with attempts(tmp_path / "a.sqlite3", period_seconds=60.0) as budget:
        await budget.count("1", "alice", 1000.0)
        await budget.count("2", "alice", 1030.0)
        assert await budget.count("3", "alice", 1061.0) == 2


async def test_the_count_survives_a_restart(tmp_path: Path) -> None:
    for run in range(3):
        with attempts(tmp_path / "a.sqlite3") as budget:
            assert await budget.count(f"leg{run}", "alice", 100.0) == run + 1


async def test_old_calls_are_removed_from_the_file(tmp_path: Path) -> None:
    file = tmp_path / "a.sqlite3"
    with attempts(file, period_seconds=60.0) as budget:
        for n in range(20):
            await budget.count(f"old{n}", "alice", 100.0)
    with attempts(file, period_seconds=60.0) as budget:
        await budget.count("new", "bob", 1000.0)
    with closing(sqlite3.connect(file)) as database:
        assert database.execute("SELECT leg FROM attempt").fetchall() == [("new",)]


async def test_a_call_without_a_number_has_no_budget(tmp_path: Path) -> None:
    with attempts(tmp_path / "a.sqlite3") as budget:
        assert [await budget.count(str(n), "", 1.0) for n in range(5)] == [0] * 5


async def test_calls_at_once_are_all_counted(tmp_path: Path) -> None:
    with attempts(tmp_path / "a.sqlite3") as budget:
        counts = await asyncio.gather(*(budget.count(f"leg{n}", "alice", 100.0) for n in range(200)))
    assert sorted(counts) == list(range(1, 201))


async def test_a_folder_that_is_not_there_leaves_every_budget_unspent(tmp_path: Path) -> None:
    with capture_logs() as logs, attempts(tmp_path / "missing" / "a.sqlite3") as budget:
        assert [await budget.count(str(n), "alice", 100.0 + n) for n in range(20)] == [0] * 20
    assert [entry["event"] for entry in logs] == ["attempts cannot be counted, none counts as spent"]


async def test_a_file_that_is_no_database_leaves_every_budget_unspent(tmp_path: Path) -> None:
    (tmp_path / "a.sqlite3").write_bytes(b"this is no database at all" * 100)
    with capture_logs() as logs, attempts(tmp_path / "a.sqlite3") as budget:
        assert await budget.count("1", "alice", 100.0) == 0
    assert len(logs) == 1


async def test_a_locked_database_holds_nobody_and_counts_again_afterwards(tmp_path: Path) -> None:
    file, now = tmp_path / "a.sqlite3", 0.0
    with capture_logs() as logs, attempts(file, clock=lambda: now) as budget:
        assert await budget.count("1", "alice", 100.0) == 1
        with closing(sqlite3.connect(file, isolation_level=None)) as other:
            other.execute("BEGIN EXCLUSIVE")
            began = time.monotonic()
            counts = await asyncio.gather(*(budget.count(f"l{n}", "alice", 101.0) for n in range(50)))
            assert counts == [0] * 50
            assert time.monotonic() - began < 3.0
            other.execute("ROLLBACK")
        assert await budget.count("2", "alice", 200.0) == 0
        now = 6.0
        assert await budget.count("2", "alice", 200.0 - 3600.0) == 2  # the clock was set meanwhile
    assert [line["event"] for line in logs] == [
        "attempts cannot be counted, none counts as spent",
        "attempts are counted again",
    ]


async def test_the_event_loop_goes_on_while_the_database_is_locked(tmp_path: Path) -> None:
    file = tmp_path / "a.sqlite3"
    with capture_logs(), attempts(file) as budget:
        await budget.count("1", "alice", 100.0)
        with closing(sqlite3.connect(file, isolation_level=None)) as other:
            other.execute("BEGIN EXCLUSIVE")
            waiting = asyncio.create_task(budget.count("2", "alice", 101.0))
            longest = 0.0
            while not waiting.done():
                began = time.monotonic()
                await asyncio.sleep(0.005)
                longest = max(longest, time.monotonic() - began)
            assert longest < 0.4
