"""Downloads from the client port: containers, and what it takes to verify them.

Rules (X-Road 7.8 source, `AsicContainerClientRequestProcessor.java`; ug-sigdoc):

* ``/asic`` asks by party and query id, for requests, responses or both.
* Every record found must be time-stamped; with ``force`` those that are not are
  stamped now.
* ``unique`` with one direction gives the container itself, otherwise a ZIP file with
  the containers, not compressed again.
* ``/verificationconf`` gives the shared parameters of every instance.

Who may ask is judged by the caller, between reading the parameters and answering.
"""

import asyncio
import json
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack
from dataclasses import dataclass
from datetime import datetime
from tempfile import TemporaryFile
from typing import IO, Self

from kerege.exchange.messagelog.log import MessageLog
from kerege.exchange.messagelog.stored import PAGE, StoredRecord, find, load, unstamped
from kerege.exchange.messagelog.trouble import database_as
from kerege.xroad.asic import MIME_TYPE, Direction, iter_container
from kerege.xroad.asic.names import escape_query_id
from kerege.xroad.asic.zipwriter import STORED_LEVEL, ZipStream
from kerege.xroad.faults import XRoadError
from kerege.xroad.identifiers import ClientId

MAX_CONTAINERS = 10_000
"""Most containers in one download: query ids are meant to be unique."""
BLOCK_SIZE = 64 * 1024
"""Bytes handed on at once, about."""
ZIP_TYPE = "application/zip"
ENCRYPTED_TYPE = "application/octet-stream"
_STATUS = {"bad_request": 400, "not_found": 404}


@dataclass(frozen=True, slots=True)
class AsicRequest:
    """What ``/asic`` is asked for."""

    party: ClientId
    query_id: str
    direction: Direction | None
    """None: requests and responses."""
    unique: bool
    force: bool

    @classmethod
    def from_parameters(cls, parameters: Mapping[str, str]) -> Self:
        """Read the parameters of the query; flags count by being there.

        Raises ``bad_request``.
        """
        request_only = "requestOnly" in parameters
        response_only = "responseOnly" in parameters
        unique = "unique" in parameters
        party = ClientId(
            _required(parameters, "xRoadInstance"),
            _required(parameters, "memberClass"),
            _required(parameters, "memberCode"),
            parameters.get("subsystemCode") or None,
        )
        query_id = _required(parameters, "queryId")
        if request_only and response_only:
            raise _bad(
                'Parameters "requestOnly" and "responseOnly" cannot be used at the '
                "same time."
            )
        if unique and not (request_only or response_only):
            raise _bad(
                'Parameter "unique" not applicable without "requestOnly" or '
                '"responseOnly".'
            )
        direction = None
        if request_only or response_only:
            direction = Direction.REQUEST if request_only else Direction.RESPONSE
        return cls(party, query_id, direction, unique, "force" in parameters)


@dataclass(frozen=True, slots=True)
class Download:
    """Something to send: a name, a media type, and bytes that are made on the way."""

    file_name: str
    media_type: str
    content: Iterator[bytes]

    async def chunks(self) -> AsyncIterator[bytes]:
        """Yield the content in blocks; they are made in a thread."""
        while block := await asyncio.to_thread(_block, self.content):
            yield block

    @property
    def disposition(self) -> str:
        """The value of Content-Disposition."""
        return f'attachment; filename="{self.file_name}"'


@dataclass(frozen=True, slots=True)
class InstanceConfiguration:
    """What a verifier needs of one instance."""

    instance: str
    shared_parameters: bytes
    """The signed part as downloaded."""
    version: str
    """Version of the global configuration."""


def download_status(error: XRoadError) -> int:
    """Return the HTTP status of a download that failed; its message is the body."""
    return _STATUS.get(error.code, 500)


async def asic_download(log: MessageLog, request: AsicRequest) -> Download:
    """Return what ``/asic`` answers.

    Raises:
        XRoadError: ``not_found``, ``bad_request`` if there are too many,
            ``internal_error`` if something is not time-stamped and `force` is not set,
            or why time-stamping or encrypting failed.
    """
    ids = await asyncio.to_thread(_find, log, request)
    if request.unique:
        del ids[1:]
    await _require_timestamps(log, ids, force=request.force)
    if request.unique:
        record = (await asyncio.to_thread(_load, log, ids))[0]
        content = await asyncio.to_thread(_container, log, record)
        made = Download(record.container_name, MIME_TYPE, content)
    else:
        suffix = f"-{request.direction.value}" if request.direction else ""
        name = f"{escape_query_id(request.query_id)}{suffix}.zip"
        made = Download(name, ZIP_TYPE, _containers(log, ids))
    if log.policy.archive_encryption is None:
        return made
    return await asyncio.to_thread(_encrypted, log, made, request.party)


def verification_configuration(
    own_instance: str, instances: Sequence[InstanceConfiguration], *, time: datetime
) -> Download:
    """Return what ``/verificationconf`` answers; ``time`` is that of its entries."""
    content = _verification_zip(own_instance, instances, time)
    return Download("verificationconf.zip", ZIP_TYPE, content)


def _verification_zip(
    own_instance: str, instances: Sequence[InstanceConfiguration], time: datetime
) -> Iterator[bytes]:
    stream = ZipStream()
    for each in instances:
        name = f"verificationconf/{each.instance}/shared-params.xml"
        metadata = json.dumps(
            {"configurationVersion": each.version}, separators=(",", ":")
        )
        yield from stream.entry(name, (each.shared_parameters,), time)
        yield from stream.entry(f"{name}.metadata", (metadata.encode(),), time)
    name = "verificationconf/instance-identifier"
    yield from stream.entry(name, (own_instance.encode(),), time)
    yield from stream.end()


def _required(parameters: Mapping[str, str], name: str) -> str:
    value = parameters.get(name)
    if not value:
        raise XRoadError("bad_request", f'Parameter "{name}" must be specified.')
    return value


def _bad(why: str) -> XRoadError:
    return XRoadError("bad_request", why)


def _find(log: MessageLog, request: AsicRequest) -> list[int]:
    with _reading(), log.database.read() as connection:
        ids = find(
            connection,
            request.party,
            request.query_id,
            request.direction,
            limit=MAX_CONTAINERS + 1,
        )
    if not ids:
        raise XRoadError("not_found", "No signed documents found")
    if len(ids) > MAX_CONTAINERS:
        raise XRoadError(
            "bad_request", f"More than {MAX_CONTAINERS} messages have this query id"
        )
    return ids


async def _require_timestamps(
    log: MessageLog, ids: Sequence[int], *, force: bool
) -> None:
    missing = await asyncio.to_thread(_unstamped, log, ids)
    if missing and not force:
        raise XRoadError(
            "internal_error", "Message signature has not been timestamped yet!"
        )
    for record_id in missing:
        await log.timestamp(record_id)


def _unstamped(log: MessageLog, ids: Sequence[int]) -> list[int]:
    missing = []
    with _reading(), log.database.read() as connection:
        for start in range(0, len(ids), PAGE):
            missing += unstamped(connection, ids[start : start + PAGE])
    return missing


def _load(log: MessageLog, ids: Sequence[int]) -> list[StoredRecord]:
    with _reading(), log.database.read() as connection:
        found = load(connection, ids)
    if not found:
        raise XRoadError("not_found", "No signed documents found")
    return found


def _container(log: MessageLog, record: StoredRecord) -> Iterator[bytes]:
    parts = record.parts(log.policy.bodies, log.policy.cipher)
    # Before a byte is sent: what was changed must not be taken for what was logged.
    record.require_whole_files(log.policy.bodies, log.policy.cipher)
    return iter_container(parts, time=record.time)


def _containers(log: MessageLog, ids: Sequence[int]) -> Iterator[bytes]:
    stream = ZipStream(level=STORED_LEVEL)
    for start in range(0, len(ids), PAGE):
        for record in _load(log, ids[start : start + PAGE]):
            container = _container(log, record)
            yield from stream.entry(record.container_name, container, record.time)
    yield from stream.end()


def _encrypted(log: MessageLog, made: Download, party: ClientId) -> Download:
    """Return a download as archives are encrypted; it is made before it is sent."""
    policy = log.policy
    keys = policy.recipients(party)
    with ExitStack() as stack:
        # Not where temporary files are: that may be memory, and small.
        file = stack.enter_context(TemporaryFile(dir=policy.bodies))
        if policy.archive_encryption is not None:
            with policy.archive_encryption.keyring.encrypting(keys, file) as write:
                for chunk in made.content:
                    write(chunk)
        file.seek(0)
        content = _read_and_close(file, stack.pop_all())
    return Download(f"{made.file_name}.gpg", ENCRYPTED_TYPE, content)


def _read_and_close(file: IO[bytes], stack: ExitStack) -> Iterator[bytes]:
    with stack:
        while block := file.read(BLOCK_SIZE):
            yield block


def _block(content: Iterator[bytes]) -> bytes:
    """Take chunks until they make a block; empty at the end."""
    taken, size = [], 0
    for chunk in content:
        taken.append(chunk)
        size += len(chunk)
        if size >= BLOCK_SIZE:
            break
    return b"".join(taken)


def _reading() -> AbstractContextManager[None]:
    return database_as("database_error", "The message log cannot be read")
