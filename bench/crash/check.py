"""After the crashes: is every answer that a client got in the logs of both sides?

Each record of an acknowledged answer is made into its container, which is verified as
`kerege verify` does, and its body compared with what the client sent and received.
"""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from sqlalchemy import func, select

from bench.crash.traffic import Answer
from bench.crash.world import LARGEST_LOGGED
from kerege.exchange.keys import SoftwareToken
from kerege.exchange.messagelog import LogPolicy
from kerege.exchange.messagelog.bodies_folder import MARK
from kerege.exchange.messagelog.stored import PAGE, StoredRecord, load
from kerege.exchange.security_server.logging_setup import log_policy
from kerege.exchange.security_server.settings import Settings
from kerege.exchange.storage import Database
from kerege.exchange.storage.message_log_tables import attachments, records
from kerege.xroad.archive import read_archive, verify_archive
from kerege.xroad.asic import (
    Direction,
    container_name,
    iter_container,
    read_container,
    verify_container,
)
from kerege.xroad.faults import XRoadError
from kerege.xroad.globalconf import GlobalConf

SHOWN = 5
"""Examples of each kind of trouble in a report."""


@dataclass(slots=True)
class Found:
    """What one server's log has of the acknowledged answers."""

    answers: int = 0
    """Acknowledged, with request and response in the log."""
    verified: int = 0
    """Of those, whose containers verify and have the bodies that passed."""
    containers: int = 0
    records: int = 0
    """All that are in the log."""
    in_files: int = 0
    """Containers whose body was in a file."""
    digest_only: int = 0
    lost: list[str] = field(default_factory=list)
    """Query ids."""
    wrong: list[str] = field(default_factory=list)
    """Containers and what is wrong with them."""


def unstamped(database: Database) -> int:
    """Return how many records wait for a time-stamp."""
    question = select(func.count()).where(records.c.timestamp_id.is_(None))
    with database.read() as connection:
        return int(connection.execute(question).scalar_one())


def examine(
    database: Database, conf: GlobalConf, policy: LogPolicy, answers: Sequence[Answer]
) -> Found:
    """Look for all answers in one server's log, and verify what is found."""
    logged = _ids(database)
    found = Found(records=sum(len(v) for v in logged.values()))
    expected: dict[int, tuple[Answer, Direction]] = {}
    good: dict[tuple[str, Direction], bool] = {}
    for answer in answers:
        both = [logged.get((answer.query_id, way)) for way in Direction]
        if not all(both):
            found.lost.append(answer.query_id)
            continue
        found.answers += 1
        for way in Direction:
            for record_id in logged[answer.query_id, way]:
                expected[record_id] = answer, way
    for record in _records(database, sorted(expected)):
        answer, way = expected[record.record_id]
        trouble = _trouble(record, conf, policy, found)
        same = trouble == "" and _is_of(record, answer, way)
        good[answer.query_id, way] = good.get((answer.query_id, way), False) or same
        if trouble:
            found.wrong.append(f"{record.container_name}: {trouble}")
    found.verified = sum(
        all(good.get((answer.query_id, way), False) for way in Direction)
        for answer in answers
    )
    return found


def policy_of(settings: Settings, pin: str) -> LogPolicy:
    """Return a server's policy, with the keys that open its log."""
    token = SoftwareToken.open(settings.path(settings.token))
    token.login(pin)
    return log_policy(settings, token.log_cipher())


def lost_now(database: Database, answers: Sequence[Answer]) -> list[str]:
    """Return the query ids of answers that are not in the log; quick."""
    logged = _ids(database)
    return [
        answer.query_id
        for answer in answers
        if not all(logged.get((answer.query_id, way)) for way in Direction)
    ]


def _ids(database: Database) -> dict[tuple[str, Direction], list[int]]:
    question = select(records.c.query_id, records.c.is_response, records.c.id)
    logged: dict[tuple[str, Direction], list[int]] = defaultdict(list)
    with database.read() as connection:
        for query_id, is_response, record_id in connection.execute(question):
            way = Direction.RESPONSE if is_response else Direction.REQUEST
            logged[query_id, way].append(record_id)
    return logged


def _records(database: Database, ids: Sequence[int]) -> Iterator[StoredRecord]:
    with database.read() as connection:
        for start in range(0, len(ids), PAGE):
            yield from load(connection, ids[start : start + PAGE])


def _trouble(
    record: StoredRecord, conf: GlobalConf, policy: LogPolicy, found: Found
) -> str:
    """Verify a record's container; return what is wrong with it."""
    found.containers += 1
    found.in_files += any(each.file for each in record.attachments)
    try:
        parts = record.parts(policy.bodies, policy.cipher)
        made = b"".join(iter_container(parts, time=record.time))
        report = verify_container(read_container(made), conf)
    except XRoadError as error:
        return f"{error.code}: {error.message}"
    size = sum(each.size for each in record.attachments)
    found.digest_only += bool(report.missing)
    if report.missing and size <= LARGEST_LOGGED:
        return f"its body of {size} bytes is missing"
    return ""


def _is_of(record: StoredRecord, answer: Answer, way: Direction) -> bool:
    """Whether a record's body is what the client sent or received."""
    size, sha512 = answer.size, answer.sha512
    if way is Direction.REQUEST:
        size, sha512 = answer.request_size, answer.request_sha512
    if size is None:  # the client saw only its beginning
        return True
    [body] = record.attachments
    return (body.size, body.digest.hex()) == (size, sha512)


def archive_troubles(database: Database, folder: Path) -> list[str]:
    """Check the chain of archives, and that each archived record is in one of them."""
    followers: dict[str, Path] = {}
    for path in folder.glob("*.zip"):
        with path.open("rb") as file:
            previous = read_archive(file).info.previous.digest
        if previous in followers:
            return [f"{path.name} and {followers[previous].name} follow the same"]
        followers[previous] = path
    digest, contained, count = "", [], 0
    while digest in followers:
        with followers[digest].open("rb") as file:
            archive = read_archive(file)
            digest = verify_archive(archive, previous=digest)
            contained += [member.name for member in archive.members]
        count += 1
    troubles = []
    if count != len(followers):
        troubles.append(f"{len(followers) - count} archives are in no chain")
    archived = _archived(database)
    if len(contained) != len(set(contained)):
        troubles.append("a record is in two archives")
    if difference := archived ^ set(contained):
        troubles.append(f"{len(difference)} records only in archive or database")
    return troubles


def _archived(database: Database) -> set[str]:
    question = select(records.c.id, records.c.query_id, records.c.is_response).where(
        records.c.archived.is_(True)
    )
    with database.read() as connection:
        return {
            container_name(
                query_id,
                Direction.RESPONSE if is_response else Direction.REQUEST,
                record_id,
            )
            for record_id, query_id, is_response in connection.execute(question)
        }


def leftovers(database: Database, folder: Path) -> tuple[list[str], int]:
    """Look at a stopped server's folder.

    Returns:
        Temporary files, and how many files of bodies have no record (a crash between
        the two leaves them, and cleaning removes them after an hour).
    """
    question = select(attachments.c.file).where(attachments.c.file.is_not(None))
    with database.read() as connection:
        named = set(connection.execute(question).scalars())
    allowed = {"server.lock", "lock", MARK}
    suspicious = [
        str(path.relative_to(folder))
        for path in folder.rglob("*")
        if path.is_file()
        and path.name not in allowed
        and (
            path.suffix in {".spool", ".tmp", ".new"}
            or path.name.startswith(("tmp", "."))
        )
    ]
    orphans = sum(path.name not in named for path in folder.rglob("*.body"))
    return suspicious, orphans
