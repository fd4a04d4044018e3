"""Keeping a PIN and keys out of core dumps, as far as one can.

The kernel writes no core file of such a process and lets no other process of the same
user look into its memory; only root can. Swap is kept off by the unit's settings.
"""

import ctypes
import resource
from contextlib import suppress

_PR_SET_DUMPABLE = 4
"""Source: prctl(2), linux/prctl.h."""


def hide_memory() -> None:
    """Protect this process; what the kernel refuses is left as it is."""
    _, hard = resource.getrlimit(resource.RLIMIT_CORE)
    with suppress(OSError, ValueError):
        resource.setrlimit(resource.RLIMIT_CORE, (0, hard))
    ctypes.CDLL(None).prctl(_PR_SET_DUMPABLE, 0, 0, 0, 0)
