"""A digest as text, with its algorithm's name before it: ``SHA-256:<value>``.

Source: X-Road 7.8, `Hash.java`. No server of ours calls this, nor does the reference's
own code any more: it reads and writes the text form that its message log's values have.
"""

from dataclasses import dataclass
from typing import Self

from kerege.xroad.faults import XRoadError

MAX_CHARACTERS = 1024
"""Far above the longest digest in hex."""
_SEPARATOR = ":"


@dataclass(frozen=True, slots=True)
class HashText:
    """The two halves."""

    algorithm: str
    """Name of the digest algorithm, as written."""
    value: str
    """The digest, as written."""

    @classmethod
    def parse(cls, text: str | None) -> Self:
        """Read both halves; neither may be blank. Raises ``internal_error``."""
        algorithm, separator, value = (text or "")[:MAX_CHARACTERS].partition(
            _SEPARATOR
        )
        if not separator or not algorithm.strip() or not value.strip():
            raise XRoadError(
                "internal_error",
                f"{(text or '')[:255]!r} is not of the form <algorithm>:<digest>",
            )
        return cls(algorithm, value)

    def __str__(self) -> str:
        return f"{self.algorithm}{_SEPARATOR}{self.value}"
