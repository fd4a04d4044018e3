"""The memory of a process that passes messages for months.

Two things make it larger than what is in it. Objects in cycles, such as an exception
with the frames that it came through, and the bodies that those held, wait for the
collector, which looks at old objects once in ten million new ones. And what is free
between two blocks in use stays with the process. So once a minute both are tidied up.
"""

import asyncio
import ctypes
import gc
from collections.abc import Callable

COLLECT_AFTER = (25_000, 20, 20)
"""Objects made since the last collection, and rounds of the younger generations."""
TIDY_SECONDS = 60.0
"""Between two times: each takes some ten milliseconds."""


def calm_garbage_collection() -> None:
    """Look for cycles less often, and never again in what the start has made.

    A message makes some thousand objects and hardly any cycle: with Python's defaults
    the collector takes one twentieth of the time of a busy server.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(*COLLECT_AFTER)


async def keep_tidy(seconds: float = TIDY_SECONDS) -> None:
    """Tidy up what the start has left, then for as long as the process runs."""
    give_back = _give_back()
    while True:
        gc.collect()
        give_back()
        await asyncio.sleep(seconds)


def _give_back() -> Callable[[], object]:
    """Return what gives free memory back to the system: malloc_trim(3) of glibc."""
    try:
        trim = ctypes.CDLL(None).malloc_trim
    except (AttributeError, OSError):
        return lambda: None  # another C library, which does so by itself, or cannot
    trim.argtypes = (ctypes.c_size_t,)
    return lambda: trim(0)
