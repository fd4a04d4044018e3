"""Large envelopes are read in a thread, so that other messages go on meanwhile."""

import asyncio
from collections.abc import Callable
from typing import TypeVar

from kerege.exchange.security_server.received import LARGE_ENVELOPE_BYTES

T = TypeVar("T")


async def aside(content: bytes, work: Callable[[], T]) -> T:
    """Do what takes the longer the more ``content`` there is. Raises as ``work``."""
    if len(content) <= LARGE_ENVELOPE_BYTES:
        return work()
    return await asyncio.to_thread(work)
