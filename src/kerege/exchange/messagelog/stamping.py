"""Time-stamping records: one by itself, or many under one time-stamp.

Rules (X-Road 7.8 source, `SingleTimestampRequest.java`, `BatchTimestampRequest.java`,
`LogRecordManager.java`):

* One record: the time-stamp covers the bytes of its SignatureValue and goes into the
  signature, whether it was asked for or was the only one to stamp.
* Many: it covers the result of a hash chain over the digests of their signatures; each
  record gets its own chain.
* A record is stamped once. Who comes second leaves it as it is.

Our addition: one whose signature cannot hold a time-stamp gets a chain, in which it
stands twice. Otherwise one odd record would stop the job when nothing else waits.
"""

import asyncio
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime

import structlog
from sqlalchemy import Connection, select, update

from kerege.exchange.messagelog.endings import SIGNATURE, SIGNATURES, signature_of
from kerege.exchange.messagelog.ids import RecordIds
from kerege.exchange.messagelog.rows import insert_chains, to_milliseconds
from kerege.exchange.messagelog.trouble import database_as
from kerege.exchange.messagelog.values import LogPolicy, Timestamper
from kerege.exchange.storage import Database
from kerege.exchange.storage.message_log_tables import contents, records, timestamps
from kerege.xroad.faults import XRoadError
from kerege.xroad.hashchain import (
    TIMESTAMP_CHAIN_NAME,
    HashChainInput,
    HashChains,
    build_hash_chains,
)
from kerege.xroad.signature import parse_signature, with_signature_timestamp

_log = structlog.get_logger(__name__)

SIGNATURE_URI = "/META-INF/signatures.xml"
"""What the chains of a batch refer to."""
SAVED_AT_ONCE = 500
"""Records marked in one transaction, so that writers wait milliseconds at most. If we
stop in between, the others are stamped again: each chain stands by itself."""


@dataclass(frozen=True, slots=True)
class Unstamped:
    """A record that waits for its time-stamp."""

    record_id: int
    signature_digest: bytes


class Stamper:
    """Stamps records of the log.

    Args:
        database: The log.
        policy: Which digest.
        timestamper: Who gives time-stamps.
        ids: Where ids of time-stamps come from.
        clock: The time.
    """

    def __init__(
        self,
        database: Database,
        policy: LogPolicy,
        timestamper: Timestamper,
        *,
        ids: RecordIds,
        clock: Callable[[], datetime],
    ) -> None:
        self._database = database
        self._policy = policy
        self._timestamper = timestamper
        self._ids = ids
        self._clock = clock

    async def waiting(self, limit: int) -> list[Unstamped]:
        """Return the oldest records without time-stamp. Raises ``database_error``."""
        return await asyncio.to_thread(self._waiting, limit)

    async def is_stamped(self, record_id: int) -> bool:
        """Whether a record has its time-stamp.

        Raises ``mlog.message_log_record_not_found``, ``database_error``.
        """
        return await asyncio.to_thread(self._is_stamped, record_id)

    async def stamp(self, waiting: Sequence[Unstamped]) -> None:
        """Stamp records: one alone, several together.

        Raises:
            XRoadError: what the time-stamper raises, or one of the ``mlog.`` codes for
                records that cannot be prepared or saved.
        """
        if not waiting:
            raise XRoadError(
                "mlog.no_log_records_specified",
                "Cannot time-stamp, no log records specified",
            )
        if len(waiting) == 1:
            await self.stamp_alone(waiting[0].record_id)
        else:
            await self._stamp_together(waiting)

    async def stamp_alone(self, record_id: int) -> None:
        """Stamp one record. Raises as `stamp` does."""
        signature = await asyncio.to_thread(self._signature, record_id)
        value = _value_to_stamp(signature)
        if value is None:
            digest = self._policy.digest.of(signature)
            await self._stamp_together([Unstamped(record_id, digest)])
            return
        token = await self._timestamper.stamp(value)
        stamped = with_signature_timestamp(signature, token)
        await asyncio.to_thread(self._save_alone, record_id, token, stamped)

    async def _stamp_together(self, waiting: Sequence[Unstamped]) -> None:
        chains = await asyncio.to_thread(self._chains, waiting)
        token = await self._timestamper.stamp(chains.result)
        await asyncio.to_thread(self._save_together, waiting, token, chains)

    def _waiting(self, limit: int) -> list[Unstamped]:
        question = (
            select(records.c.id, records.c.signature_digest)
            .where(records.c.timestamp_id.is_(None))
            .order_by(records.c.id)
            .limit(limit)
        )
        with _reading(), self._database.read() as connection:
            rows = connection.execute(question).all()
        return [Unstamped(row.id, row.signature_digest) for row in rows]

    def _is_stamped(self, record_id: int) -> bool:
        question = select(records.c.timestamp_id).where(records.c.id == record_id)
        with _reading(), self._database.read() as connection:
            row = connection.execute(question).one_or_none()
        if row is None:
            raise _missing(record_id)
        return row.timestamp_id is not None

    def _signature(self, record_id: int) -> bytes:
        question = (
            select(*SIGNATURE)
            .select_from(SIGNATURES)
            .where(contents.c.record_id == record_id)
        )
        with _reading(), self._database.read() as connection:
            found = connection.execute(question).mappings().one_or_none()
        if found is None:
            raise _missing(record_id)
        return signature_of(found)

    def _chains(self, waiting: Sequence[Unstamped]) -> HashChains:
        inputs = [
            HashChainInput(((SIGNATURE_URI, each.signature_digest),))
            for each in waiting
        ]
        if len(inputs) == 1:
            inputs *= 2  # a tree needs two leaves
        return build_hash_chains(
            inputs, self._policy.digest, chain_name=TIMESTAMP_CHAIN_NAME
        )

    def _save_alone(self, record_id: int, token: bytes, signature: bytes) -> None:
        timestamp_id = self._ids.next()
        with _saving(), self._database.write() as connection:
            self._insert(connection, timestamp_id, token, None)
            if not _mark(connection, [record_id], timestamp_id):
                connection.rollback()  # stamped meanwhile
                return
            connection.execute(
                update(contents)
                .where(contents.c.record_id == record_id)
                .values(signature=signature, ending=None)
            )

    def _save_together(
        self, waiting: Sequence[Unstamped], token: bytes, chains: HashChains
    ) -> None:
        timestamp_id = self._ids.next()
        with _saving(), self._database.write() as connection:
            self._insert(connection, timestamp_id, token, chains.result)
        for start in range(0, len(waiting), SAVED_AT_ONCE):
            some = waiting[start : start + SAVED_AT_ONCE]
            keys = [each.record_id for each in some]
            pairs = list(
                zip(keys, chains.chains[start : start + len(some)], strict=True)
            )
            with _saving(), self._database.write() as connection:
                marked = _mark(connection, keys, timestamp_id)
                insert_chains(connection, [pair for pair in pairs if pair[0] in marked])

    def _insert(
        self,
        connection: Connection,
        timestamp_id: int,
        token: bytes,
        hash_chain_result: bytes | None,
    ) -> None:
        connection.execute(
            timestamps.insert().values(
                id=timestamp_id,
                time=to_milliseconds(self._clock()),
                token=token,
                hash_chain_result=hash_chain_result,
            )
        )


def _value_to_stamp(signature: bytes) -> bytes | None:
    """Return what a time-stamp inside this signature covers; None if none fits in."""
    try:
        with_signature_timestamp(signature, b"")
        return parse_signature(signature, check_schema=False).signature_value
    except XRoadError as error:
        _log.warning("signature cannot hold a time-stamp", error=str(error))
        return None


def _mark(
    connection: Connection, record_ids: Sequence[int], timestamp_id: int
) -> set[int]:
    """Give records a time-stamp, if they have none; return those that got it."""
    marked = connection.execute(
        update(records)
        .where(records.c.id.in_(record_ids), records.c.timestamp_id.is_(None))
        .values(timestamp_id=timestamp_id, signature_digest=None)
        .returning(records.c.id)
    )
    return set(marked.scalars())


def _missing(record_id: int) -> XRoadError:
    return XRoadError(
        "mlog.message_log_record_not_found",
        f"Could not find message record #{record_id}",
    )


def _saving() -> AbstractContextManager[None]:
    return database_as(
        "mlog.timestamp_record_save_failure",
        "Failed to save timestamp record to database",
    )


def _reading() -> AbstractContextManager[None]:
    return database_as("database_error", "The message log cannot be read")
