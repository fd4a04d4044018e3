"""How entries are chained: pure functions, so that anybody can check a log.

An entry's hash is the SHA-256 of its canonical bytes: a JSON object with the fields of
`Link` by their names and ``"version": 1``; names sorted, no white space, everything
outside ASCII escaped, the time in UTC with microseconds (``2026-11-24T19:00:00.000000Z``).
The first entry's ``previous`` is 64 zeros.

Found are: a changed entry (its hash is another), a removed one (its number is missing and
the next one's ``previous`` fits nothing) and, with the lane's end or a head that was
exported before, a cut tail and a chain that was written anew from some entry on.
"""

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime

GENESIS = "0" * 64


@dataclass(frozen=True, slots=True)
class Link:
    """One entry, as it is hashed."""

    lane: int
    sequence: int
    previous: str
    recorded_at: datetime
    actor: int | None
    action: str
    subject: str
    outcome: str
    details: Mapping[str, str] = field(default_factory=dict)

    def hash(self) -> str:
        """Return the entry's hash, in hexadecimal."""
        return hashlib.sha256(self.canonical()).hexdigest()

    def canonical(self) -> bytes:
        """Return the bytes that are hashed."""
        time = self.recorded_at.astimezone(UTC).replace(tzinfo=None)
        values = {
            "version": 1,
            "lane": self.lane,
            "sequence": self.sequence,
            "previous": self.previous,
            "recorded_at": time.isoformat(timespec="microseconds") + "Z",
            "actor": self.actor,
            "action": self.action,
            "subject": self.subject,
            "outcome": self.outcome,
            "details": dict(self.details),
        }
        return json.dumps(values, sort_keys=True, separators=(",", ":")).encode()


@dataclass(frozen=True, slots=True)
class End:
    """Where a lane ends: the number and the hash of its last entry."""

    lane: int
    sequence: int
    hash: str


class BrokenChainError(Exception):
    """The log is not as it was written; the text names the first bad entry."""

    def __init__(self, lane: int, sequence: int, why: str) -> None:
        super().__init__(f"Lane {lane}, entry {sequence}: {why}")
        self.lane = lane
        self.sequence = sequence


def verify_lane(
    end: End, entries: Iterable[tuple[Link, str]], heads: Iterable[End] = ()
) -> int:
    """Check one lane from its first entry to its end.

    Args:
        end: where the database says that the lane ends.
        entries: each entry with the hash that stands beside it, by number.
        heads: ends of this lane that were exported before.

    Returns:
        How many entries it has.

    Raises:
        BrokenChainError: Something was changed, removed, cut or written anew.
    """
    wanted = {head.sequence: head.hash for head in heads if head.sequence}
    last = End(end.lane, 0, GENESIS)
    for link, stored in entries:
        _verify_link(last, link, stored)
        if wanted.pop(link.sequence, stored) != stored:
            why = (
                "it is another than when the head was exported: the chain was rewritten"
            )
            raise BrokenChainError(end.lane, link.sequence, why)
        last = End(end.lane, link.sequence, stored)
    _verify_end(last, end, wanted)
    return last.sequence


def _verify_link(last: End, link: Link, stored: str) -> None:
    if link.sequence != last.sequence + 1:
        raise BrokenChainError(last.lane, last.sequence + 1, "it is missing")
    if link.hash() != stored:
        raise BrokenChainError(last.lane, link.sequence, "it was changed")
    if link.previous != last.hash:
        why = "it does not follow the one before: the chain was rewritten"
        raise BrokenChainError(last.lane, link.sequence, why)


def _verify_end(last: End, end: End, wanted: Mapping[int, str]) -> None:
    missing = max((*wanted, end.sequence))
    if last.sequence < missing:
        why = f"it is missing, and all up to {missing}: the tail was cut"
        raise BrokenChainError(end.lane, last.sequence + 1, why)
    if last != end:
        why = (
            "the lane's end is another: entries were added or changed by somebody else"
        )
        raise BrokenChainError(end.lane, last.sequence, why)


def stamped_data(ends: Iterable[End]) -> bytes:
    """Return what is time-stamped: a line ``lane sequence hash`` for each lane."""
    lines = (
        f"{end.lane} {end.sequence} {end.hash}\n"
        for end in sorted(ends, key=lambda end: end.lane)
    )
    return "".join(lines).encode("ascii")
