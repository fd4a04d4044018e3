"""What the message log says of itself: what waits, and how late time-stamps come.

A handful of short questions, each answered from an index.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from statistics import median

from sqlalchemy import Connection, func, select
from sqlalchemy.exc import SQLAlchemyError

from kerege.exchange.messagelog.rows import from_milliseconds
from kerege.exchange.storage.database import database_error
from kerege.exchange.storage.message_log_tables import (
    records,
    timestamping,
    timestamps,
)
from kerege.exchange.storage.read_only import open_read_only

MAX_COUNTED = 10_000
"""Records counted; more is "very many"."""
RECENT = 5
"""Time-stamps that are compared with as many before them."""


@dataclass(frozen=True, slots=True)
class LogState:
    """The message log at one moment."""

    waiting: int
    """Records without time-stamp, counted up to `MAX_COUNTED`."""
    oldest_waiting: datetime | None
    failing_since: datetime | None
    """Since when no time-stamp can be had; None: they can."""
    last_delay: timedelta | None
    """How late the last time-stamps came; None if there are too few."""
    earlier_delay: timedelta | None
    """The same of those before them."""
    first_record: datetime | None
    last_record: datetime | None


def log_state(url: str) -> LogState:
    """Ask the database. Raises ``database_error``."""
    database = open_read_only(url)
    try:
        with database.read() as connection:
            return _state(connection)
    except SQLAlchemyError as error:
        raise database_error("read the message log", error) from error
    finally:
        database.close()


def _state(connection: Connection) -> LogState:
    unstamped = select(records.c.time).where(records.c.timestamp_id.is_(None))
    some = unstamped.limit(MAX_COUNTED).subquery()
    waiting = connection.execute(select(func.count()).select_from(some)).scalar_one()
    oldest = connection.execute(unstamped.order_by(records.c.id).limit(1)).scalar()
    failing = connection.execute(select(timestamping.c.failed_since)).scalar()
    delays = _delays(connection)
    return LogState(
        waiting=waiting,
        oldest_waiting=_time(oldest),
        failing_since=_time(failing),
        last_delay=_median(delays[:RECENT]),
        earlier_delay=_median(delays[RECENT:]),
        first_record=_edge(connection, last=False),
        last_record=_edge(connection, last=True),
    )


def _delays(connection: Connection) -> list[float]:
    """Return how late the last time-stamps were for their oldest records, in ms."""
    newest = (
        select(timestamps.c.id, timestamps.c.time)
        .order_by(timestamps.c.id.desc())
        .limit(2 * RECENT)
    )
    found = []
    for stamp_id, stamped in connection.execute(newest).all():
        oldest = select(func.min(records.c.time)).where(
            records.c.timestamp_id == stamp_id
        )
        logged = connection.execute(oldest).scalar()
        if logged is not None:
            found.append(float(stamped - logged))
    return found


def _median(delays: Sequence[float]) -> timedelta | None:
    if len(delays) < RECENT:
        return None
    return timedelta(milliseconds=median(delays))


def _edge(connection: Connection, *, last: bool) -> datetime | None:
    order = records.c.id.desc() if last else records.c.id
    return _time(
        connection.execute(select(records.c.time).order_by(order).limit(1)).scalar()
    )


def _time(stored: int | None) -> datetime | None:
    return None if stored is None else from_milliseconds(stored)
