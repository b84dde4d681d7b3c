"""Waiting for what goes on in the same event loop."""

import asyncio
from collections.abc import Callable


async def until(condition: Callable[[], object], within_s: float = 3) -> None:
    """Wait until something is so. Raises TimeoutError."""
    async with asyncio.timeout(within_s):
        while not condition():
            await asyncio.sleep(0.005)
