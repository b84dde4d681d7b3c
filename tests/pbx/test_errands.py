"""Tasks that nobody awaits."""

import asyncio

from structlog.testing import capture_logs

from agent.pbx.errands import Errands


async def test_what_an_errand_raises_is_logged_and_harms_no_other() -> None:
    errands = Errands()
    done = asyncio.Event()

    async def fails() -> None:
        raise RuntimeError("no such channel")

    async def works() -> None:
        done.set()

    with capture_logs() as logs:
        errands.run(fails())
        errands.run(works())
        await done.wait()
        await asyncio.sleep(0)
    assert [entry["event"] for entry in logs] == ["adapter task failed"]


async def test_cancel_waits_until_every_errand_has_let_go() -> None:
    errands = Errands()
    let_go: list[str] = []

    async def holds(what: str) -> None:
        try:
            await asyncio.Event().wait()
        finally:
            await asyncio.sleep(0)
            let_go.append(what)

    for what in ("file", "socket"):
        errands.run(holds(what))
    await asyncio.sleep(0)
    await errands.cancel()
    assert sorted(let_go) == ["file", "socket"]
