"""Add and remove local groups and their members."""

from sqlalchemy import Connection, delete, select

from kerege.exchange.storage.server_configuration.rows import (
    codes_of,
    find_client,
    insert,
    not_found,
    require_valid,
)
from kerege.exchange.storage.server_configuration_tables import (
    access_rights,
    endpoints,
    local_group_members,
    local_groups,
)
from kerege.xroad.identifiers import ClientId, LocalGroupId, ObjectType


def add_local_group(
    connection: Connection, owner: ClientId, code: str, description: str = ""
) -> None:
    """Add a group. Raises ``not_found``, ``duplicate_entry``."""
    require_valid(LocalGroupId(code))
    values = {
        "client_id": find_client(connection, owner),
        "group_code": code,
        "description": description,
    }
    insert(connection, local_groups, values, f"Local group {code} of {owner}")


def remove_local_group(connection: Connection, owner: ClientId, code: str) -> None:
    """Remove a group and the rights that its owner gave to it. Raises ``not_found``."""
    row = _find_group(connection, owner, code)
    own = select(endpoints.c.id).where(
        endpoints.c.client_id == find_client(connection, owner)
    )
    connection.execute(
        delete(access_rights).where(
            access_rights.c.subject_type == ObjectType.LOCALGROUP.value,
            access_rights.c.group_code == code,
            access_rights.c.endpoint_id.in_(own),
        )
    )
    connection.execute(delete(local_groups).where(local_groups.c.id == row))


def add_local_group_member(
    connection: Connection, owner: ClientId, code: str, member: ClientId
) -> None:
    """Put a client into a group. Raises ``not_found``, ``duplicate_entry``."""
    require_valid(member)
    values: dict[str, object] = {"local_group_id": _find_group(connection, owner, code)}
    what = f"Member {member} of local group {code}"
    insert(connection, local_group_members, values | codes_of(member), what)


def remove_local_group_member(
    connection: Connection, owner: ClientId, code: str, member: ClientId
) -> None:
    """Take a client out of a group. Raises ``not_found``."""
    table = local_group_members
    matching = [table.c[name] == value for name, value in codes_of(member).items()]
    group = _find_group(connection, owner, code)
    removed = connection.execute(
        delete(table).where(table.c.local_group_id == group, *matching)
    )
    if not removed.rowcount:
        raise not_found("Member", member, "of local group", code)


def _find_group(connection: Connection, owner: ClientId, code: str) -> int:
    found = connection.execute(
        select(local_groups.c.id).where(
            local_groups.c.client_id == find_client(connection, owner),
            local_groups.c.group_code == code,
        )
    ).scalar()
    if found is None:
        raise not_found("Local group", code, "of", owner)
    return int(found)
