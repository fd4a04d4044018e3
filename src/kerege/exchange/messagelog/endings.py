"""Endings of signatures, which many records share: stored once.

A signature ends with what does not change from message to message: the digest of the
signing certificate, the certificates of its chain, their OCSP responses. That is three
quarters of its bytes, until the next OCSP response. A record has the signature's
beginning and the name of its ending; together they are the signature, byte for byte.

* An ending is named by the SHA-256 of its bytes. It is written, unless it is there, in
  the transaction of every record that names it: no record can be without its ending.
* It notes which record named it last, to within an hour. It is removed a day (by record
  ids, which only grow) before the oldest record that is left.
"""

import hashlib
from collections.abc import Iterator, Mapping
from typing import Any

from sqlalchemy import bindparam, delete, func, select

from kerege.exchange.messagelog.ids import IDS_IN_MILLISECOND
from kerege.exchange.storage import Database
from kerege.exchange.storage.message_log_tables import contents, endings, records
from kerege.xroad.faults import XRoadError

MOST_ENDINGS = 64
"""Kept in memory, some 7 KB each: those of the members seen last."""
SHORTEST = 1024
"""Bytes below which an ending is not worth a row."""
LONGEST = 64 * 1024
"""Bytes above which it is not worth the memory; a chain of three CAs has 20 KB."""
NOTED_EVERY = 3_600_000 * IDS_IN_MILLISECOND
"""Record ids, an hour of them, after which the last record is noted again."""
REMOVED_BEFORE = 86_400_000 * IDS_IN_MILLISECOND
"""Record ids, a day of them, between an ending's last record and the oldest one left."""
REMOVED_AT_ONCE = 100
_LAST_CHANGE = b"SigningTime>"
"""Closes the last element of XAdES that differs from message to message."""
_KEY_BYTES = 512
"""From the front of an ending, where the digest of the signing certificate is."""

_UPDATE = (
    f"UPDATE {endings.name} SET last_record_id = ? "  # noqa: S608 - our own name
    "WHERE name = ? AND last_record_id < ?"
)
_INSERT = (
    f"INSERT INTO {endings.name} (name, last_record_id, data) VALUES (?, ?, ?) "  # noqa: S608
    "ON CONFLICT (name) DO NOTHING"
)


class Ending:
    """An ending that came more than once."""

    __slots__ = ("data", "name")

    def __init__(self, data: bytes) -> None:
        """Name it."""
        self.data = data
        self.name = hashlib.sha256(data).digest()


class Endings:
    """The endings seen last; used by one thread."""

    def __init__(self) -> None:
        """Know none."""
        self._seen: dict[bytes, bytes] = {}
        self._known: dict[bytes, Ending] = {}

    def split(self, signature: bytes) -> tuple[bytes, Ending | None]:
        """Return a signature's beginning and its ending.

        The whole, and None, if it has none worth it, or one that did not come before:
        another implementation may change there what ours does not.
        """
        for ending in self._known.values():
            if signature.endswith(ending.data):
                return signature[: -len(ending.data)], ending
        cut = signature.rfind(_LAST_CHANGE) + len(_LAST_CHANGE)
        size = len(signature) - cut
        if not SHORTEST <= size <= LONGEST:
            return signature, None
        key = signature[cut : cut + _KEY_BYTES]
        data = signature[cut:]
        if self._seen.pop(key, None) != data:
            _remember(self._seen, key, data)
            return signature, None
        ending = Ending(data)
        _remember(self._known, key, ending)
        return signature[:cut], ending


def _remember(kept: dict[bytes, Any], key: bytes, value: object) -> None:
    kept.pop(key, None)
    if len(kept) >= MOST_ENDINGS:
        del kept[next(iter(kept))]
    kept[key] = value


def upserts(
    named: Mapping[Ending, int], mark: str
) -> Iterator[tuple[str, list[tuple[Any, ...]]]]:
    """Yield the statements that make sure of endings, with their values.

    Args:
        named: Endings, each with the last record that names it.
        mark: How the driver writes a parameter.
    """
    # In one order, or two processes wait for each other.
    rows = sorted((ending.name, i, ending.data) for ending, i in named.items())
    # First, so that nobody removes it any more. The database alone knows what is noted:
    # a transaction may fail, and a database be restored.
    yield (
        _UPDATE.replace("?", mark),
        [(i, name, i - NOTED_EVERY) for name, i, _ in rows],
    )
    yield _INSERT.replace("?", mark), rows


SIGNATURE = (
    contents.c.signature,
    contents.c.ending,
    endings.c.data.label("ending_data"),
)
"""What `signature_of` needs, of `SIGNATURES`."""
SIGNATURES = contents.outerjoin(endings, endings.c.name == contents.c.ending)


def signature_of(row: Mapping[Any, Any]) -> bytes:
    """Return a record's signature, as it was signed. Raises ``database_error``."""
    if row["ending"] is None:
        return bytes(row["signature"])
    if row["ending_data"] is None:
        raise XRoadError(
            "database_error",
            "The message log has lost the ending of a signature: "
            f"{bytes(row['ending']).hex()}",
            advice=f"Restore the table {endings.name} from a backup.",
        )
    return bytes(row["signature"]) + bytes(row["ending_data"])


def remove_unused(database: Database) -> None:
    """Remove the endings that no record names any more. Raises SQLAlchemyError."""
    with database.read() as connection:
        oldest = connection.execute(select(func.min(records.c.id))).scalar()
        if oldest is None:
            return  # one may be on its way
        is_unused = endings.c.last_record_id < oldest - REMOVED_BEFORE
        question = select(endings.c.name).where(is_unused).order_by(endings.c.name)
        names = list(connection.execute(question).scalars())
    # One by one, in the order of `upserts`: one statement for all would lock rows in
    # any order, and PostgreSQL find it and a writer waiting for each other.
    removal = delete(endings).where(endings.c.name == bindparam("one"), is_unused)
    for start in range(0, len(names), REMOVED_AT_ONCE):
        some = names[start : start + REMOVED_AT_ONCE]
        with database.write() as connection:
            connection.execute(removal, [{"one": name} for name in some])
