"""Reading records: for other servers, for this machine, and as statistics.

Rules (``OperationalDataRecordManager.java``, ``OperationalDataRecordQuery.java``):

* Both ends of the time belong to it. Records come oldest first.
* A client that may not see everything sees records where it is client or provider, by
  all codes: a member's records are not those of its subsystems.
* An answer holds so many records, and the rest of its last second. If there are more,
  the next request begins with the second after that.

Rows are read a few at a time and compressed as they come, so that an answer of ten
thousand records costs a megabyte, not fifty.
"""

import json
import math
import zlib
from collections.abc import Collection, Generator, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Float,
    Select,
    and_,
    cast,
    func,
    or_,
    select,
)

from kerege.exchange.opmonitor.rows import service_of
from kerege.exchange.storage import Database
from kerege.exchange.storage.operational_data_tables import (
    operational_data,
    operational_services,
)
from kerege.xroad.identifiers import ClientId, ServiceId
from kerege.xroad.opmonitoring import (
    COLUMNS,
    FIELDS,
    JSON_NAMES,
    PRODUCER,
    ServiceHealth,
    Spread,
)

READ_ROWS = 200
"""Rows in memory while reading."""
INTERNAL_IP = "securityServerInternalIp"
"""Only for who may see everything."""
GZIP = 16 + zlib.MAX_WBITS
MAX_HEALTH_SERVICES = 2000
"""Services in an answer about health, the last heard first."""

_DATA = operational_data.c
_TS: ColumnElement[Any] = _DATA.monitoring_data_ts


@dataclass(frozen=True, slots=True)
class Question:
    """Which records, for whom."""

    records_from: int
    """Seconds since 1970."""
    records_to: int
    """The last second that belongs to it."""
    client: ClientId | None = None
    """Who asks, if it may see its own records only."""
    provider: ClientId | None = None
    """Only messages to services of this one."""
    fields: frozenset[str] = frozenset()
    """Names of JSON; none means all that may be seen."""
    most: int = 10_000
    """Records, but for the rest of the last second."""


@dataclass(frozen=True, slots=True)
class Found:
    """Records as an answer has them."""

    count: int
    payload_gzip: bytes
    """JSON, compressed."""
    next_from: int | None
    """The second with which the next request begins; None if nothing is left."""


def find(database: Database, question: Question) -> Found:
    """Return records."""
    columns = _columns(question)
    wanted = select(_TS, *(_DATA[column] for column in columns))
    wanted = wanted.where(*_conditions(question)).order_by(_TS, _DATA.id)
    names = [JSON_NAMES[column] for column in columns]
    compressor = zlib.compressobj(wbits=GZIP)
    pieces = [compressor.compress(b'{"records":[')]
    count, last = 0, 0
    next_from: int | None = None
    rows = _rows(database, wanted)
    for second, *values in rows:
        if count >= question.most and second != last:
            next_from = last + 1
            rows.close()
            break
        text = _text(names, values)
        pieces.append(compressor.compress((b"," if count else b"") + text))
        count, last = count + 1, second
    pieces += [compressor.compress(b"]}"), compressor.flush()]
    return Found(count, b"".join(pieces), next_from)


def find_after(
    database: Database, after: int, first: int, last: int, most: int
) -> list[tuple[int, dict[str, Any]]]:
    """Return records for this machine: by column, with their ids, in that order.

    Args:
        database: Of this server.
        after: Ids above this one.
        first: Stored in this second, or later.
        last: The last second.
        most: Records.
    """
    wanted = select(_DATA.id, *(_DATA[column] for column in FIELDS))
    wanted = wanted.where(_DATA.id > after, _TS.between(first, last))
    wanted = wanted.order_by(_DATA.id).limit(most)
    return [
        (number, {c: v for c, v in zip(FIELDS, values, strict=True) if v is not None})
        for number, *values in _rows(database, wanted)
    ]


def health(
    database: Database, since: int, provider: ClientId | None
) -> tuple[ServiceHealth, ...]:
    """Return how the services do that this server provides.

    Args:
        database: Of this server.
        since: When the period began, in seconds since 1970.
        provider: Only its services; None means all.
    """
    periods = _periods(database, since)
    table = operational_services.c
    known = select(
        table.path, table.service_type, table.last_successful, table.last_unsuccessful
    )
    known = known.order_by(table.last_heard.desc()).limit(MAX_HEALTH_SERVICES)
    found = []
    for path, kind, good, bad in _rows(database, known):
        service_id = service_of(path)
        if provider is None or service_id.client_id == provider:
            period = periods.get(service_id, _Period())
            found.append(period.health(service_id, kind, good, bad))
    return tuple(sorted(found, key=lambda service: service.service_id.path))


@dataclass(slots=True)
class _Period:
    """What happened to one service in the period."""

    unsuccessful: int = 0
    successful: int = 0
    spreads: tuple[Spread | None, Spread | None, Spread | None] = (None, None, None)

    def health(
        self, service_id: ServiceId, kind: str | None, good: int | None, bad: int | None
    ) -> ServiceHealth:
        return ServiceHealth(
            service_id,
            self.successful,
            self.unsuccessful,
            kind,
            good,
            bad,
            *self.spreads,
        )


_SERVICE_COLUMNS = (
    _DATA.service_xroad_instance,
    _DATA.service_member_class,
    _DATA.service_member_code,
    _DATA.service_subsystem_code,
    _DATA.service_code,
    _DATA.service_version,
)


_QUANTITIES: tuple[ColumnElement[Any], ...] = (
    _DATA.response_out_ts - _DATA.request_in_ts,
    _DATA.request_size,
    _DATA.response_size,
)


def _periods(database: Database, since: int) -> dict[ServiceId, _Period]:
    """Return the statistics of the period, made by the database."""
    sums = [part for quantity in _QUANTITIES for part in _sums(quantity)]
    wanted = (
        select(*_SERVICE_COLUMNS, _DATA.succeeded, func.count(), *sums)
        .where(
            _DATA.monitoring_data_ts >= since, _DATA.security_server_type == PRODUCER
        )
        .where(_DATA.service_code.is_not(None))
        .group_by(*_SERVICE_COLUMNS, _DATA.succeeded)
    )
    found: dict[ServiceId, _Period] = {}
    for (
        *codes,
        succeeded,
        count,
        r0,
        r1,
        r2,
        r3,
        s0,
        s1,
        s2,
        s3,
        t0,
        t1,
        t2,
        t3,
    ) in _rows(database, wanted):
        period = found.setdefault(ServiceId(*codes), _Period())
        if succeeded:
            period.successful = count
            period.spreads = (
                _spread(count, r0, r1, r2, r3),
                _spread(count, s0, s1, s2, s3),
                _spread(count, t0, t1, t2, t3),
            )
        else:
            period.unsuccessful = count
    return found


def _sums(quantity: ColumnElement[Any]) -> tuple[ColumnElement[Any], ...]:
    number = cast(quantity, Float)
    return (
        func.min(quantity),
        func.max(quantity),
        func.avg(number),
        func.avg(number * number),
    )


def _spread(
    count: int, least: int | None, most: int | None, mean: object, squares: object
) -> Spread | None:
    if least is None or most is None:
        return None
    average = float(str(mean))
    variance = max(float(str(squares)) - average * average, 0.0)
    if count > 1:  # of a sample, as in the reference
        variance *= count / (count - 1)
    return Spread(int(least), average, int(most), math.sqrt(variance))


def _columns(question: Question) -> Sequence[str]:
    fields: Collection[str] = question.fields or COLUMNS
    columns = [column for column, field in FIELDS.items() if field.name in fields]
    if question.client is not None:
        columns = [c for c in columns if JSON_NAMES[c] != INTERNAL_IP]
    return columns


def _conditions(question: Question) -> Iterator[ColumnElement[bool]]:
    yield _TS.between(question.records_from, question.records_to)
    if question.client is not None:
        yield or_(
            _is_party("client", question.client), _is_party("service", question.client)
        )
    if question.provider is not None:
        yield _is_party("service", question.provider)


def _is_party(side: str, client: ClientId) -> ColumnElement[bool]:
    return and_(
        _DATA[f"{side}_xroad_instance"] == client.instance,
        _DATA[f"{side}_member_class"] == client.member_class,
        _DATA[f"{side}_member_code"] == client.member_code,
        # "IS" for an absent code, which equals nothing
        _DATA[f"{side}_subsystem_code"].is_not_distinct_from(client.subsystem_code),
    )


def _rows(database: Database, wanted: Select[Any]) -> Generator[Sequence[Any]]:
    with database.read() as connection:
        few = connection.execution_options(yield_per=READ_ROWS)
        with few.execute(wanted) as result:  # who has enough leaves no cursor open
            yield from result


def _text(names: Sequence[str], values: Sequence[object]) -> bytes:
    record = {n: v for n, v in zip(names, values, strict=True) if v is not None}
    return json.dumps(record, ensure_ascii=False, separators=(",", ":")).encode()
