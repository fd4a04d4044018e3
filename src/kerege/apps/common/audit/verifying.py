"""Checking the log of this database, and carrying its head elsewhere.

A head is a small JSON file: the end of every lane, and a time-stamp (RFC 3161) of their
digest by an authority that has nothing to do with the database. Who can write the
database can write its chains anew; against heads that lie elsewhere this is found.
"""

import base64
import binascii
import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from cryptography import x509
from django.db import models

from kerege.apps.common.audit.chain import (
    BrokenChainError,
    End,
    Link,
    stamped_data,
    verify_lane,
)
from kerege.apps.common.audit.models import Entry, Lane
from kerege.xroad.algorithms import SHA256
from kerege.xroad.faults import XRoadError
from kerege.xroad.timestamp import (
    read_timestamp_response,
    timestamp_request,
    verify_timestamp,
)

MAX_HEAD_BYTES = 1_048_576
"""A lane takes about 120 bytes, and there are as many as writers at one moment."""
MAX_LANES = 10_000


class HeadError(ValueError):
    """A file is no head of an audit log, or its time-stamp is not of it."""


@dataclass(frozen=True, slots=True)
class Head:
    """Where all lanes ended at one moment."""

    ends: tuple[End, ...]
    token: bytes = b""
    """The time-stamp; empty: nobody stamped it."""

    def to_json(self) -> bytes:
        """Return the file's content."""
        lanes = [
            {"lane": end.lane, "sequence": end.sequence, "hash": end.hash}
            for end in self.ends
        ]
        token = base64.b64encode(self.token).decode("ascii")
        values = {"version": 1, "lanes": lanes, "timestamp": token}
        return json.dumps(values, indent=1).encode() + b"\n"

    @classmethod
    def from_json(cls, content: bytes) -> "Head":
        """Read a head's file.

        Raises:
            HeadError: It is none.
        """
        if len(content) > MAX_HEAD_BYTES:
            message = f"The file has over {MAX_HEAD_BYTES} bytes, so it is no head"
            raise HeadError(message)
        try:
            values = json.loads(content)
            version, lanes = values["version"], values["lanes"]
            ends = tuple(_end(lane) for lane in lanes[:MAX_LANES])
            token = base64.b64decode(values["timestamp"], validate=True)
        except HeadError:
            raise
        except (
            ValueError,
            KeyError,
            TypeError,
            AttributeError,
            binascii.Error,
            RecursionError,
        ) as error:
            raise HeadError("The file is no head of an audit log") from error
        if version != 1 or len(lanes) > MAX_LANES:
            raise HeadError("The head is of another version, or of too many lanes")
        return cls(ends, token)


def _end(values: dict[str, object]) -> End:
    lane, sequence, digest = values["lane"], values["sequence"], values["hash"]
    if type(lane) is not int or type(sequence) is not int or type(digest) is not str:
        raise HeadError("The file is no head of an audit log")
    if sequence < 0 or len(digest) != 64 or not digest.isascii():
        raise HeadError("The file is no head of an audit log")
    return End(lane, sequence, digest)


def current_head() -> Head:
    """Return where the lanes end now."""
    lanes = Lane.objects.order_by("pk")
    return Head(tuple(End(lane.pk, lane.sequence, lane.hash) for lane in lanes))


def stamped(
    head: Head,
    ask: Callable[[bytes], bytes],
    certificates: Sequence[x509.Certificate],
) -> Head:
    """Return the head with a time-stamp.

    Args:
        head: What is stamped.
        ask: Sends a request to the authority and returns the response.
        certificates: The authority's.

    Raises:
        XRoadError: The response is none, or is not signed by the authority.
    """
    digest = SHA256.of(stamped_data(head.ends))
    response = ask(timestamp_request(digest, SHA256))
    token = read_timestamp_response(response, certificates, imprint=digest)
    return Head(head.ends, token)


def stamped_at(head: Head, certificates: Sequence[x509.Certificate]) -> datetime:
    """Return when a head was stamped.

    Raises:
        HeadError: It was not, or the stamp is of something else or of somebody else.
    """
    if not head.token:
        raise HeadError("The head has no time-stamp")
    try:
        data = stamped_data(head.ends)
        return verify_timestamp(head.token, data, certificates).time
    except XRoadError as error:
        message = f"The head's time-stamp does not hold: {error.message}"
        raise HeadError(message) from error


def verify(heads: Sequence[Head] = ()) -> int:
    """Check every lane from its first entry to its end.

    Args:
        heads: What was exported before; each must still be in the log.

    Returns:
        How many entries there are.

    Raises:
        BrokenChainError: Something was changed, removed, cut or written anew.
    """
    exported = [end for head in heads for end in head.ends]
    ends = current_head().ends
    lost = {end.lane for end in exported if end.sequence} - {end.lane for end in ends}
    if lost:
        raise BrokenChainError(min(lost), 1, "its whole lane is missing")
    unchained = Entry.objects.filter(lane=None).order_by("pk").first()
    if unchained is not None:
        raise BrokenChainError(0, unchained.pk, "it stands in no chain")
    _require_nothing_behind(ends)
    return sum(
        verify_lane(
            end, _links(end), [head for head in exported if head.lane == end.lane]
        )
        for end in ends
    )


def _require_nothing_behind(ends: Sequence[End]) -> None:
    """Entries and ends are written together: behind an end there is nothing."""
    lasts = dict(
        Entry.objects.exclude(lane=None)
        .order_by("lane")
        .values_list("lane")
        .annotate(models.Max("sequence"))
    )
    for lane in Lane.objects.filter(pk__in=[end.lane for end in ends]):
        if (lasts.get(lane.pk) or 0) > lane.sequence:
            why = "it was added behind the lane's end"
            raise BrokenChainError(lane.pk, lane.sequence + 1, why)


def _links(end: End) -> Iterator[tuple[Link, str]]:
    """Yield a lane's entries; what is written meanwhile lies behind the end we know."""
    lane = end.lane
    entries = Entry.objects.filter(lane=lane, sequence__lte=end.sequence)
    entries = entries.order_by("sequence")
    for entry in entries.iterator(chunk_size=2000):
        yield (
            Link(
                lane,
                entry.sequence or 0,
                entry.previous,
                entry.recorded_at,
                entry.actor_id,
                entry.action,
                entry.subject,
                entry.outcome,
                entry.details,
            ),
            entry.hash,
        )
