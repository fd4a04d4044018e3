"""Record ids: grow with time, never come again, and need no question to the database.

An id is 41 bits of milliseconds since 2020, 10 bits that tell the processes of one
server apart, and 12 bits that count within a millisecond. So a writer knows the ids
before it writes, and after a broken connection it can ask whether its transaction
happened. Should two processes have drawn the same 10 bits, the primary key refuses
the later one and its writer takes new ids.
"""

import secrets
import threading
from collections.abc import Callable

EPOCH_MILLISECONDS = 1_577_836_800_000
"""2020-01-01T00:00:00Z; 41 bits last until 2089."""
PROCESS_BITS = 10
COUNTER_BITS = 12
_SHIFT = PROCESS_BITS + COUNTER_BITS
IDS_IN_MILLISECOND = 1 << _SHIFT


def first_id(milliseconds: int) -> int:
    """Return the least id of a millisecond since 1970; ids before are less."""
    return max(milliseconds - EPOCH_MILLISECONDS, 0) << _SHIFT


class RecordIds:
    """The ids of one process. May be used from any thread.

    Args:
        milliseconds: The clock, milliseconds since 1970.
        process: What tells this process apart, 0 to 1023; drawn if not given.
    """

    def __init__(
        self, milliseconds: Callable[[], int], process: int | None = None
    ) -> None:
        self._milliseconds = milliseconds
        if process is None:
            process = secrets.randbelow(1 << PROCESS_BITS)
        self._process = process << COUNTER_BITS
        self._time = 0
        self._count = 0
        self._lock = threading.Lock()

    def next(self) -> int:
        """Return an id greater than all before it, even if the clock goes back."""
        with self._lock:
            now = max(self._milliseconds() - EPOCH_MILLISECONDS, 0)
            if now > self._time:
                self._time, self._count = now, 0
            elif self._count + 1 < 1 << COUNTER_BITS:
                self._count += 1
            else:
                self._time, self._count = self._time + 1, 0
            return self._time << _SHIFT | self._process | self._count
