"""Read the whole server configuration into one frozen value."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import Any

from sqlalchemy import Connection, Table, select

from kerege.exchange.storage.database import Database
from kerege.exchange.storage.server_configuration.limits import read_client_limits
from kerege.exchange.storage.server_configuration.rows import client_id_of
from kerege.exchange.storage.server_configuration.values import (
    AccessRight,
    Client,
    ClientStatus,
    ConnectionType,
    Endpoint,
    Grants,
    LocalGroup,
    ServerConfiguration,
    Service,
    ServiceType,
    Subject,
    TimestampingService,
)
from kerege.exchange.storage.server_configuration_tables import (
    access_rights,
    client_tls_certificates,
    clients,
    endpoints,
    local_group_members,
    local_groups,
    services,
    settings,
    timestamping_services,
)
from kerege.xroad.identifiers import (
    ClientId,
    GlobalGroupId,
    LocalGroupId,
    ObjectType,
    ServiceId,
)

_Row = Mapping[Any, Any]


def load_server_configuration(database: Database) -> ServerConfiguration:
    """Read everything, in one transaction."""
    with database.read() as connection:
        owners = {r["id"]: client_id_of(r) for r in _rows(connection, clients)}
        groups = _local_groups(connection, owners)
        described = _endpoints(connection, owners)
        rights = tuple(_access_rights(connection, owners))
        return ServerConfiguration(
            clients=MappingProxyType(_clients(connection)),
            services=MappingProxyType(_services(connection, owners)),
            endpoints=MappingProxyType(described),
            access_rights=rights,
            local_groups=MappingProxyType(groups),
            timestamping_services=tuple(
                TimestampingService(row["name"], row["url"])
                for row in _rows(connection, timestamping_services)
            ),
            settings=MappingProxyType(
                {row.key: row.value for row in connection.execute(select(settings))}
            ),
            grants=MappingProxyType(_grants(rights, groups)),
            client_limits=MappingProxyType(read_client_limits(connection)),
        )


def _rows(connection: Connection, table: Table) -> Iterable[_Row]:
    return connection.execute(select(table).order_by(table.c.id)).mappings().all()


def _clients(connection: Connection) -> dict[ClientId, Client]:
    certificates = defaultdict(list)
    for row in _rows(connection, client_tls_certificates):
        certificates[row["client_id"]].append(row["certificate"])
    found = {}
    for row in _rows(connection, clients):
        client_id = client_id_of(row)
        found[client_id] = Client(
            client_id,
            ConnectionType(row["connection"]),
            ClientStatus(row["status"]),
            tuple(certificates[row["id"]]),
        )
    return found


def _services(
    connection: Connection, owners: Mapping[int, ClientId]
) -> dict[ServiceId, Service]:
    found = {}
    for row in _rows(connection, services):
        owner = owners[row["client_id"]]
        service_id = ServiceId(
            owner.instance,
            owner.member_class,
            owner.member_code,
            owner.subsystem_code,
            row["service_code"],
            row["service_version"] or None,
        )
        found[service_id] = Service(
            service_id,
            ServiceType(row["type"]),
            row["url"],
            row["timeout_seconds"],
            row["verify_tls"],
            row["description_url"],
            row["disabled_notice"],
        )
    return found


def _endpoints(
    connection: Connection, owners: Mapping[int, ClientId]
) -> dict[tuple[ClientId, str], tuple[Endpoint, ...]]:
    found = defaultdict(list)
    for row in _rows(connection, endpoints):
        key = (owners[row["client_id"]], row["service_code"])
        found[key].append(Endpoint(row["method"], row["path"]))
    return {key: tuple(value) for key, value in found.items()}


def _access_rights(
    connection: Connection, owners: Mapping[int, ClientId]
) -> Iterable[AccessRight]:
    described = {row["id"]: row for row in _rows(connection, endpoints)}
    for row in _rows(connection, access_rights):
        endpoint = described[row["endpoint_id"]]
        yield AccessRight(
            owners[endpoint["client_id"]],
            endpoint["service_code"],
            Endpoint(endpoint["method"], endpoint["path"]),
            _subject(row),
        )


def _subject(row: _Row) -> Subject:
    if row["subject_type"] == ObjectType.GLOBALGROUP.value:
        return GlobalGroupId(row["instance"], row["group_code"])
    if row["subject_type"] == ObjectType.LOCALGROUP.value:
        return LocalGroupId(row["group_code"])
    return client_id_of(row)


def _local_groups(
    connection: Connection, owners: Mapping[int, ClientId]
) -> dict[tuple[ClientId, str], LocalGroup]:
    members = defaultdict(set)
    for row in _rows(connection, local_group_members):
        members[row["local_group_id"]].add(client_id_of(row))
    found = {}
    for row in _rows(connection, local_groups):
        owner, code = owners[row["client_id"]], row["group_code"]
        found[owner, code] = LocalGroup(
            owner, code, row["description"], frozenset(members[row["id"]])
        )
    return found


def _grants(
    rights: Iterable[AccessRight],
    groups: Mapping[tuple[ClientId, str], LocalGroup],
) -> dict[tuple[ClientId, str], Grants]:
    """Sort rights by service; members of local groups become clients of their own."""
    direct: dict[Any, dict[ClientId, list[Endpoint]]] = {}
    by_group: dict[Any, list[tuple[GlobalGroupId, Endpoint]]] = {}
    for right in rights:
        key = (right.provider, right.service_code)
        of_clients = direct.setdefault(key, {})
        of_groups = by_group.setdefault(key, [])
        if isinstance(right.subject, GlobalGroupId):
            of_groups.append((right.subject, right.endpoint))
            continue
        named: Iterable[ClientId]
        if isinstance(right.subject, LocalGroupId):
            group = groups.get((right.provider, right.subject.group_code))
            named = group.members if group else ()
        else:
            named = (right.subject,)
        for client_id in named:
            of_clients.setdefault(client_id, []).append(right.endpoint)
    return {
        key: Grants(
            {client: tuple(found) for client, found in of_clients.items()},
            tuple(by_group[key]),
        )
        for key, of_clients in direct.items()
    }
