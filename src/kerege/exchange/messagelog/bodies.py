"""The files of large bodies: made durable before their record, removed after it.

A file has a random name, so that two processes never choose the same. A file without
a record is the leftover of a crash between the two; `remove_orphans` finds it.
"""

import asyncio
import os
import secrets
from collections.abc import Iterable, Iterator
from datetime import datetime
from pathlib import Path

from sqlalchemy import select

from kerege.exchange.files import sync_path
from kerege.exchange.messagelog.rows import AttachmentRow
from kerege.exchange.messagelog.sealing import LogCipher
from kerege.exchange.messagelog.values import (
    LargeBodies,
    LogPolicy,
    LogRecord,
)
from kerege.exchange.spool import Spool
from kerege.exchange.storage import Database
from kerege.exchange.storage.message_log_tables import attachments
from kerege.xroad.faults import XRoadError

SUFFIX = ".body"
PRIVATE = 0o600
"""Only this server's user reads what people asked about each other."""
BLOCK_SIZE = 256 * 1024
"""Bytes read at once."""
MAX_LOGGED_BYTES = 2 * 1024**3
"""Most bytes logged with one message, whatever the policy says: a container is read up
to this size, and one that outgrows the ZIP format could never be archived."""
_NAMES_AT_ONCE = 500
"""File names in one question to the database, below any limit on parameters."""


async def store(record: LogRecord, policy: LogPolicy) -> tuple[AttachmentRow, ...]:
    """Make a record's bodies durable and return their rows.

    Raises:
        XRoadError: ``logging_failed`` if one is too large and the policy refuses it,
            or cannot be stored; then none of them stays.
    """
    bodies = record.loggable
    if policy.large_bodies is LargeBodies.REFUSE:
        _refuse_large(bodies, min(policy.max_body_bytes, MAX_LOGGED_BYTES))
    stored: list[AttachmentRow] = []
    left = MAX_LOGGED_BYTES
    try:
        for body in bodies:
            stored.append(await _store(body, policy, min(left, policy.max_body_bytes)))
            left -= min(body.size, left)
    except BaseException:
        remove(policy.bodies, stored)
        raise
    return tuple(stored)


def in_memory(record: LogRecord, policy: LogPolicy) -> tuple[AttachmentRow, ...] | None:
    """Return the rows of bodies that need no file; None if one may need one."""
    bodies = record.loggable
    if not bodies:
        return ()
    if sum([body.size for body in bodies]) > min(
        policy.max_body_bytes, MAX_LOGGED_BYTES
    ):
        return None
    rows = []
    for body in bodies:
        data = body.data
        if data is None:
            return None
        rows.append(AttachmentRow(body.size, body.digest, None, data))
    return tuple(rows)


def remove(folder: Path, stored: Iterable[AttachmentRow]) -> None:
    """Remove the files of these attachments."""
    for each in stored:
        if each.file is not None:
            (folder / each.file).unlink(missing_ok=True)


def read(folder: Path, name: str, cipher: LogCipher | None = None) -> Iterator[bytes]:
    """Yield a stored body, opened if there is a cipher.

    Raises ``io_error`` if its file is gone, and what `LogCipher.open_file` raises.
    """
    try:
        if cipher is not None:
            yield from cipher.open_file(folder / name)
        else:
            yield from _blocks(folder / name)
    except OSError as error:
        raise XRoadError(
            "io_error",
            f"The logged body {name} cannot be read: {error.strerror}",
            advice=f"Restore it to {folder} from a backup.",
        ) from error


def remove_orphans(database: Database, folder: Path, before: datetime) -> int:
    """Remove files without a record, older than ``before``; return how many.

    Younger ones may belong to a record that is just being written.
    """
    names = [p.name for p in folder.glob(f"*{SUFFIX}") if _is_older(p, before)]
    count = 0
    for start in range(0, len(names), _NAMES_AT_ONCE):
        some = names[start : start + _NAMES_AT_ONCE]
        with database.read() as connection:
            question = select(attachments.c.file).where(attachments.c.file.in_(some))
            known = set(connection.execute(question).scalars())
        for name in set(some) - known:
            (folder / name).unlink(missing_ok=True)
            count += 1
    return count


async def _store(body: Spool, policy: LogPolicy, limit: int) -> AttachmentRow:
    data, name = None, None
    is_whole = body.size <= limit
    if not body.is_forgotten and (
        is_whole or (policy.large_bodies is LargeBodies.TRUNCATE and limit > 0)
    ):
        data = None if body.data is None else body.data[:limit]
        if data is None:
            name = secrets.token_hex(16) + SUFFIX
            try:
                await _keep(body, policy.bodies / name, policy.sealing, limit)
            except XRoadError as error:
                (policy.bodies / name).unlink(missing_ok=True)
                raise XRoadError(
                    "logging_failed", error.message, advice=error.advice
                ) from error
    return AttachmentRow(body.size, body.digest, name, data)


async def _keep(body: Spool, path: Path, cipher: LogCipher | None, limit: int) -> None:
    """Make a body's file durable, or a copy: sealed, cut. Raises ``io_error``."""
    is_whole = cipher is None and body.size <= limit
    if body.path is None or (is_whole and not body.is_hidden):
        await body.keep(path)
        return
    try:
        await asyncio.to_thread(_copy, body, path, cipher, limit)
    except OSError as error:
        raise XRoadError(
            "io_error",
            f"A body of {body.size} bytes could not be stored: {error.strerror}",
            advice=f"Look at the space and the rights of {path.parent}.",
        ) from error


def _copy(body: Spool, path: Path, cipher: LogCipher | None, limit: int) -> None:
    """Write a body's beginning, perhaps sealed, to a file of its own; durably."""
    blocks = _cut(body.blocks(), limit)
    with path.open("xb") as file:
        path.chmod(PRIVATE)
        if cipher is None:
            file.writelines(blocks)
        else:
            cipher.seal_file(path.name, blocks, file)
        file.flush()
        os.fsync(file.fileno())
    sync_path(path.parent)


def _cut(blocks: Iterable[bytes], limit: int) -> Iterator[bytes]:
    """Yield blocks up to so many bytes."""
    for block in blocks:
        if limit <= 0:
            return
        yield block[:limit]
        limit -= len(block)


def _blocks(path: Path) -> Iterator[bytes]:
    with path.open("rb") as file:
        while block := file.read(BLOCK_SIZE):
            yield block


def _refuse_large(bodies: Iterable[Spool], limit: int) -> None:
    for body in bodies:
        if body.size > limit:
            raise XRoadError(
                "logging_failed",
                f"A body of {body.size} bytes is larger than the {limit} bytes that "
                "may be logged",
                advice="Log only the digest of large bodies, or raise the limit.",
            )


def _is_older(path: Path, before: datetime) -> bool:
    try:
        return path.stat().st_mtime < before.timestamp()
    except FileNotFoundError:
        return False
