"""Finding and reading what was logged."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Select, select

from kerege.exchange.messagelog import bodies
from kerege.exchange.messagelog.endings import SIGNATURE, SIGNATURES, signature_of
from kerege.exchange.messagelog.rows import (
    AttachmentRow,
    about_record,
    about_sealed,
    about_sealed_first,
    from_milliseconds,
    with_data,
)
from kerege.exchange.messagelog.sealing import FIRST_VERSION, LogCipher, require_cipher
from kerege.exchange.storage.message_log_tables import (
    attachments,
    contents,
    records,
    timestamp_chains,
    timestamps,
)
from kerege.xroad.asic import (
    BatchTimestamp,
    ContainerParts,
    Direction,
    container_name,
)
from kerege.xroad.identifiers import ClientId

PAGE = 20
"""Records read at once: each may have megabytes."""


@dataclass(frozen=True, slots=True)
class StoredTimestamp:
    """The time-stamp of a record."""

    timestamp_id: int
    token: bytes
    """DER."""
    hash_chain_result: bytes | None
    """What was stamped; None: the token is in the signature."""
    hash_chain: bytes | None
    """This record's chain."""


@dataclass(frozen=True, slots=True)
class StoredRecord:
    """A record as it is in the log."""

    record_id: int
    time: datetime
    direction: Direction
    client_side: bool
    query_id: str
    x_request_id: str
    owner: ClientId
    message: bytes
    signature: bytes
    hash_chain_result: bytes | None
    hash_chain: bytes | None
    attachments: tuple[AttachmentRow, ...]
    timestamp: StoredTimestamp | None
    archived: bool
    seal: bytes | None = None
    """None: message and bodies are in clear."""

    @property
    def container_name(self) -> str:
        """The file name of its container."""
        return container_name(self.query_id, self.direction, self.record_id)

    def without_lost_bodies(self, folder: Path) -> "StoredRecord":
        """Return the record with only the digests of bodies whose files are gone."""
        found = tuple(
            replace(each, file=None)
            if each.file is not None and not (folder / each.file).is_file()
            else each
            for each in self.attachments
        )
        return self if found == self.attachments else replace(self, attachments=found)

    def opened(self, cipher: LogCipher | None) -> "StoredRecord":
        """Return the record with message and small bodies in clear.

        Raises ``key_not_available``, ``key_not_found``, ``cryptography_error``.
        """
        if self.seal is None:
            return self
        is_first = self.seal.startswith(FIRST_VERSION)
        about = (
            about_sealed_first(self) if is_first else about_sealed(about_record(self))
        )
        inner = [each.data for each in self.attachments if each.data is not None]
        message, *data = require_cipher(cipher).open(
            self.seal, about, [self.message, *inner]
        )
        return replace(
            self, message=message, attachments=with_data(self.attachments, data)
        )

    def parts(self, folder: Path, cipher: LogCipher | None = None) -> ContainerParts:
        """Return what goes into its container; large bodies are read from ``folder``.

        Attachments are named by their place. So where one was logged by its digest
        only, the container has those before it and none after it.

        Raises what `opened` raises.
        """
        opened = self.opened(cipher)
        files = None if self.seal is None else cipher
        return ContainerParts(
            opened.message,
            self.signature,
            self.hash_chain_result,
            self.hash_chain,
            _batch(self.timestamp),
            tuple(_contents(opened.attachments, folder, files)),
        )

    def require_whole_files(self, folder: Path, cipher: LogCipher | None) -> None:
        """Check sealed files to their ends: only there shows that one was changed.

        Raises ``key_not_found``, ``cryptography_error``, ``io_error``.
        """
        if self.seal is None:
            return
        for each in self.attachments:
            if each.file is not None:
                for _ in bodies.read(folder, each.file, cipher):
                    pass


def find(
    connection: Connection,
    owner: ClientId,
    query_id: str,
    direction: Direction | None = None,
    *,
    limit: int,
) -> list[int]:
    """Return the ids of records of one party with one query id, oldest first."""
    question = (
        select(records.c.id)
        .where(
            records.c.query_id == query_id,
            records.c.instance == owner.instance,
            records.c.member_class == owner.member_class,
            records.c.member_code == owner.member_code,
            records.c.subsystem_code == (owner.subsystem_code or ""),
        )
        .order_by(records.c.id)
        .limit(limit)
    )
    if direction is not None:
        is_response = direction is Direction.RESPONSE
        question = question.where(records.c.is_response.is_(is_response))
    return list(connection.execute(question).scalars())


def unstamped(connection: Connection, ids: Sequence[int]) -> list[int]:
    """Return those of these records that have no time-stamp yet."""
    question = select(records.c.id).where(
        records.c.id.in_(ids), records.c.timestamp_id.is_(None)
    )
    return sorted(connection.execute(question).scalars())


def load(connection: Connection, ids: Sequence[int]) -> list[StoredRecord]:
    """Return records by id, in the order of their ids; ask for at most `PAGE`."""
    rows = connection.execute(
        _everything().where(records.c.id.in_(ids)).order_by(records.c.id)
    )
    found = rows.mappings().all()
    attached = _attachments(connection, ids)
    return [_record(row, attached.get(row["id"], ())) for row in found]


def _everything() -> Select[Any]:
    tables = (
        records.join(SIGNATURES, contents.c.record_id == records.c.id)
        .outerjoin(timestamps, timestamps.c.id == records.c.timestamp_id)
        .outerjoin(timestamp_chains, timestamp_chains.c.record_id == records.c.id)
    )
    return select(
        records,
        contents.c.message,
        *SIGNATURE,
        contents.c.hash_chain_result,
        contents.c.hash_chain,
        contents.c.seal,
        timestamps.c.token,
        timestamps.c.hash_chain_result.label("timestamp_chain_result"),
        timestamp_chains.c.hash_chain.label("timestamp_chain"),
    ).select_from(tables)


def _record(row: Mapping[Any, Any], attached: Iterable[AttachmentRow]) -> StoredRecord:
    timestamp = None
    if row["timestamp_id"] is not None:
        timestamp = StoredTimestamp(
            row["timestamp_id"],
            row["token"],
            row["timestamp_chain_result"],
            row["timestamp_chain"],
        )
    return StoredRecord(
        record_id=row["id"],
        time=from_milliseconds(row["time"]),
        direction=Direction.RESPONSE if row["is_response"] else Direction.REQUEST,
        client_side=row["client_side"],
        query_id=row["query_id"],
        x_request_id=row["x_request_id"],
        owner=ClientId(
            row["instance"],
            row["member_class"],
            row["member_code"],
            row["subsystem_code"] or None,
        ),
        message=row["message"],
        signature=signature_of(row),
        hash_chain_result=row["hash_chain_result"],
        hash_chain=row["hash_chain"],
        attachments=tuple(attached),
        timestamp=timestamp,
        archived=row["archived"],
        seal=row["seal"],
    )


def _attachments(
    connection: Connection, ids: Sequence[int]
) -> dict[int, list[AttachmentRow]]:
    table = attachments
    question = select(table).where(table.c.record_id.in_(ids))
    found: dict[int, list[AttachmentRow]] = {}
    for row in connection.execute(question.order_by(table.c.number)):
        attachment = AttachmentRow(row.size, row.digest, row.file, row.data)
        found.setdefault(row.record_id, []).append(attachment)
    return found


def _batch(timestamp: StoredTimestamp | None) -> BatchTimestamp | None:
    if timestamp is None or timestamp.hash_chain_result is None:
        return None
    return BatchTimestamp(
        timestamp.token, timestamp.hash_chain_result, timestamp.hash_chain or b""
    )


def _contents(
    attached: Iterable[AttachmentRow], folder: Path, cipher: LogCipher | None
) -> Iterable[bytes | Iterable[bytes]]:
    for each in attached:
        if each.data is not None:
            yield each.data
        elif each.file is not None:
            yield bodies.read(folder, each.file, cipher)
        else:
            return
