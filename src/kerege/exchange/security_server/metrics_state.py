"""What a worker measures now and then: connections, log, certificates, disk.

It is looked at every ten seconds, in one go, so that a scrape costs no question to the
database. What cannot be had is left out: then Prometheus has no value, which an alert
rule can see, and the others stay.
"""

import asyncio
import os
import resource
import time
from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import structlog
from cryptography import x509
from sqlalchemy import Connection, func, select, text
from sqlalchemy.exc import SQLAlchemyError

from kerege import __version__
from kerege.exchange.messagelog import MessageLog
from kerege.exchange.messagelog.rows import from_milliseconds
from kerege.exchange.ocsp.fetcher import CertificateState
from kerege.exchange.security_server.metrics import Metrics
from kerege.exchange.security_server.metrics_catalogue import Sample
from kerege.exchange.security_server.runtime import PROXY_VERSION, ServerKeys
from kerege.exchange.storage.message_log_tables import records, timestamps
from kerege.xroad.faults import XRoadError
from kerege.xroad.globalconf import GlobalConf
from kerege.xroad.x509 import subject_text

EVERY_SECONDS = 10.0
"""Prometheus asks every 15 to 60 seconds."""
MAX_COUNTED = 100_000
"""Records that are counted one by one: ten batches of time-stamps."""

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Sources:
    """Where the values come from."""

    server: str
    """This server's identifier."""
    keys: Callable[[], ServerKeys]
    configuration: Callable[[], GlobalConf]
    """May raise ``global_conf_outdated``."""
    ocsp: Callable[[], Iterable[CertificateState]]
    log: MessageLog
    folders: Mapping[str, Path]
    """By the name that the metric gives them."""
    connections: Callable[[], Mapping[str, int]]
    """Open ones, by the name of the port's setting."""
    clock: Callable[[], datetime]
    configuration_success: Callable[[], datetime | None] = lambda: None
    """When this process last downloaded the configuration."""
    failed_handshakes: Callable[[], Mapping[str, int]] = dict
    """So far, by the name of the port's setting."""


async def keep_measuring(
    metrics: Metrics,
    sources: Sources,
    pause: Callable[[float], Awaitable[object]] = asyncio.sleep,
) -> None:
    """Measure until cancelled; what goes wrong is logged once."""
    problem = ""
    counted: dict[str, int] = {}
    while True:
        try:
            _count_handshakes(metrics, sources, counted)
            samples = await measured(sources)
            await asyncio.to_thread(metrics.publish, samples, time.time())
            metrics.note_cpu(time.process_time())
            problem = ""
        except OSError as error:
            if problem != str(error):
                problem = str(error)
                _log.warning("metrics not kept", reason=problem)
        except Exception:  # noqa: BLE001 - a bug must not end the job
            _log.exception("metrics not kept")
        await pause(EVERY_SECONDS)


def _count_handshakes(
    metrics: Metrics, sources: Sources, counted: dict[str, int]
) -> None:
    """Count the handshakes that have failed since the last time."""
    for port, number in sources.failed_handshakes().items():
        new = number - counted.get(port, 0)
        if new > 0:
            counted[port] = number
            name = "kerege_tls_handshakes_failed_total"
            metrics.count(name, new, port=port)


async def measured(sources: Sources) -> list[Sample]:
    """Return everything as it is now."""
    asked = await asyncio.to_thread(lambda: list(_asked(sources)))
    return [
        *_of_process(sources),
        *_of_certificates(sources.keys(), sources.server),
        *_of_ocsp(sources.ocsp()),
        *_of_configuration(sources),
        *_of_log(sources),
        *asked,
    ]


def _of_process(sources: Sources) -> Iterator[Sample]:
    usage = resource.getrusage(resource.RUSAGE_SELF)
    memory = _resident_bytes() or usage.ru_maxrss * 1024
    yield Sample("kerege_build_info", 1, (__version__, PROXY_VERSION))
    yield Sample("kerege_state_timestamp_seconds", sources.clock().timestamp())
    yield Sample("kerege_process_resident_memory_bytes", memory)
    yield Sample(
        "kerege_process_open_files", len(list(Path("/proc/self/fd").iterdir()))
    )
    for port, number in sources.connections().items():
        yield Sample("kerege_open_connections", number, (port,))


def _resident_bytes() -> int:
    pages = Path("/proc/self/statm").read_text("ascii").split()[1]
    return int(pages) * resource.getpagesize()


def _of_certificates(keys: ServerKeys, server: str) -> Iterator[Sample]:
    def expiry(certificate: x509.Certificate, use: str, owner: str) -> Sample:
        return Sample(
            "kerege_certificate_expiry_timestamp_seconds",
            certificate.not_valid_after_utc.timestamp(),
            (use, owner, _serial(certificate)),
        )

    for certificate in keys.authentication_chain[:1]:
        yield expiry(certificate, "authentication", server)
    for member, signer in keys.signers.items():
        owner = str(member).partition(":")[2]
        yield expiry(signer.certificate, "signing", owner)


def _of_ocsp(states: Iterable[CertificateState]) -> Iterator[Sample]:
    for state in states:
        labels = (subject_text(state.certificate), _serial(state.certificate))
        end = state.valid_until.timestamp() if state.valid_until else 0
        yield Sample("kerege_ocsp_response_expiry_timestamp_seconds", end, labels)
        if state.issued:
            issued = state.issued.timestamp()
            yield Sample(
                "kerege_ocsp_response_issued_timestamp_seconds", issued, labels
            )


def _of_configuration(sources: Sources) -> Iterator[Sample]:
    try:
        configuration = sources.configuration()
    except XRoadError:
        return
    instance = (configuration.instance,)
    name = "kerege_global_configuration_expiry_timestamp_seconds"
    yield Sample(name, max(0.0, configuration.expires.timestamp()), instance)
    if success := sources.configuration_success():
        name = "kerege_global_configuration_last_success_timestamp_seconds"
        yield Sample(name, success.timestamp(), instance)


def _of_log(sources: Sources) -> Iterator[Sample]:
    since = sources.log.period.since
    failing = (sources.clock() - since).total_seconds() if since else 0
    yield Sample("kerege_timestamping_failing_seconds", max(0, failing))
    yield Sample("kerege_message_log_uncommitted_records", sources.log.waiting)


def _asked(sources: Sources) -> Iterator[Sample]:
    """Ask the disk and the database; runs in a thread."""
    for name, folder in _folders(sources).items():
        try:
            disk = os.statvfs(folder)
        except OSError:
            continue
        free = disk.f_bavail * disk.f_frsize
        yield Sample("kerege_disk_free_bytes", free, (name,))
    try:
        with sources.log.database.read() as connection:
            samples = list(_of_database(connection, sources))
    except SQLAlchemyError:
        return
    yield from samples


def _folders(sources: Sources) -> dict[str, Path]:
    """Return the folders that fill up, with that of a database in a file."""
    database = sources.log.database
    file = database.engine.url.database if database.is_sqlite else None
    own = {"database": Path(file).parent} if file else {}
    return {**sources.folders, **own}


def _of_database(connection: Connection, sources: Sources) -> Iterator[Sample]:
    unstamped = records.c.timestamp_id.is_(None)
    some = select(records.c.id).where(unstamped).limit(MAX_COUNTED).subquery()
    waiting = connection.execute(select(func.count()).select_from(some)).scalar_one()
    yield Sample("kerege_message_log_unstamped_records", waiting)
    first = select(records.c.time).where(unstamped).order_by(records.c.id).limit(1)
    oldest = connection.execute(first).scalar()
    age = 0.0
    if oldest is not None:
        age = (sources.clock() - from_milliseconds(oldest)).total_seconds()
    yield Sample("kerege_message_log_oldest_unstamped_age_seconds", max(0.0, age))
    last = select(timestamps.c.time).order_by(timestamps.c.id.desc()).limit(1)
    stamped = connection.execute(last).scalar()
    if stamped is not None:
        name = "kerege_timestamping_last_success_timestamp_seconds"
        yield Sample(name, stamped / 1000)
    size = (
        "SELECT page_count * page_size FROM pragma_page_count(), pragma_page_size()"
        if sources.log.database.is_sqlite
        else "SELECT pg_database_size(current_database())"
    )
    total = connection.execute(text(size)).scalar_one()
    yield Sample("kerege_database_size_bytes", total)


def _serial(certificate: x509.Certificate) -> str:
    return f"{certificate.serial_number:x}"
