"""Set and remove the limits of clients: of own ones, and of those of other servers."""

from dataclasses import asdict
from typing import Any

from sqlalchemy import Connection, delete, insert, select

from kerege.exchange.storage.server_configuration.rows import (
    client_id_of,
    codes_of,
    not_found,
    require_valid,
)
from kerege.exchange.storage.server_configuration.values import ClientLimits, Side
from kerege.exchange.storage.server_configuration_tables import client_limits
from kerege.xroad.identifiers import ClientId

BOUNDS = (
    "request_bytes",
    "answer_bytes",
    "messages_per_second",
    "burst",
    "messages_at_once",
)
"""Columns, and fields of `ClientLimits`."""


def set_client_limits(
    connection: Connection, side: Side, client_id: ClientId, limits: ClientLimits
) -> None:
    """Set bounds of a client or member; those that are None stay as they are.

    It need not be a client of this server. Raises ``invalid_characters``.
    """
    require_valid(client_id)
    found = select(client_limits).filter_by(**_key(side, client_id))
    before = connection.execute(found).mappings().first()
    values = {name: None if before is None else before[name] for name in BOUNDS}
    values |= {name: new for name, new in asdict(limits).items() if new is not None}
    if before is not None:
        connection.execute(
            client_limits.update()
            .where(client_limits.c.id == before["id"])
            .values(**values)
        )
    else:
        connection.execute(
            insert(client_limits).values(**_key(side, client_id), **values)
        )


def remove_client_limits(
    connection: Connection, side: Side, client_id: ClientId
) -> None:
    """Have the member's limits, or those of the settings, hold. Raises ``not_found``."""
    table = client_limits
    key = _key(side, client_id)
    where = [table.c[name] == value for name, value in key.items()]
    if not connection.execute(delete(table).where(*where)).rowcount:
        raise not_found("A limit of", client_id)


def read_client_limits(
    connection: Connection,
) -> dict[tuple[Side, ClientId], ClientLimits]:
    """Return what is set."""
    rows = connection.execute(select(client_limits).order_by(client_limits.c.id))
    return {
        (Side(row["side"]), client_id_of(row)): ClientLimits(
            **{name: row[name] for name in BOUNDS}
        )
        for row in rows.mappings()
    }


def _key(side: Side, client_id: ClientId) -> dict[str, Any]:
    return {"side": side.value, **codes_of(client_id)}
