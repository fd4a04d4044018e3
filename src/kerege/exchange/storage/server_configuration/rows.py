"""How identifiers stand in columns, and how rows are found or refused."""

from collections.abc import Mapping
from typing import Any

from sqlalchemy import Connection, Table, select
from sqlalchemy.exc import IntegrityError

from kerege.exchange.storage.server_configuration_tables import clients
from kerege.xroad.faults import XRoadError
from kerege.xroad.identifiers import ClientId, XRoadId, invalid_codes

MAX_CODE_CHARACTERS = 255
"""Longest code of an identifier, as in the reference's database."""


def codes_of(client_id: ClientId) -> dict[str, str]:
    """Return the columns of a member or subsystem."""
    return {
        "instance": client_id.instance,
        "member_class": client_id.member_class,
        "member_code": client_id.member_code,
        "subsystem_code": client_id.subsystem_code or "",
    }


def client_id_of(row: Mapping[Any, Any]) -> ClientId:
    """Return the member or subsystem in a row's columns."""
    return ClientId(
        row["instance"],
        row["member_class"],
        row["member_code"],
        row["subsystem_code"] or None,
    )


def require_valid(identifier: XRoadId) -> None:
    """Refuse an identifier that administration must not create.

    Raises ``invalid_characters``.
    """
    wrong = invalid_codes(identifier)
    wrong += tuple(
        code for code in identifier.codes if not 0 < len(code) <= MAX_CODE_CHARACTERS
    )
    if wrong:
        raise XRoadError(
            "invalid_characters",
            f"The code {wrong[0][:MAX_CODE_CHARACTERS]!r} cannot be used",
            advice=f"Use 1 to {MAX_CODE_CHARACTERS} characters without % : ; / \\ "
            "and control characters.",
        )


def insert(
    connection: Connection, table: Table, values: Mapping[str, Any], what: str
) -> int:
    """Insert a row and return its number. Raises ``duplicate_entry``."""
    try:
        with connection.begin_nested():
            key = connection.execute(table.insert().values(**values))
    except IntegrityError as error:
        raise XRoadError("duplicate_entry", f"{what} already exists") from error
    inserted = key.inserted_primary_key
    return int(inserted[0]) if inserted else 0


def find_client(connection: Connection, client_id: ClientId) -> int:
    """Return the row number of a client. Raises ``not_found``."""
    found = connection.execute(
        select(clients.c.id).filter_by(**codes_of(client_id))
    ).scalar()
    if found is None:
        raise not_found("Client", client_id)
    return int(found)


def not_found(*what: object, code: str = "not_found") -> XRoadError:
    """Return the fault for a thing that is not there, named by words and ids."""
    name = " ".join(map(str, what))
    return XRoadError(code, f"{name} does not exist on this server")
