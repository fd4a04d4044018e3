"""The server configuration: change it row by row, use it as one frozen value.

Functions that change take an open connection (`Database.write`), so that a caller can
do several things in one transaction. Lists are read from `load_server_configuration`.
"""

from kerege.exchange.storage.server_configuration.clients import (
    add_client,
    add_client_certificate,
    add_timestamping_service,
    change_client,
    remove_client,
    remove_client_certificate,
    remove_timestamping_service,
    set_setting,
)
from kerege.exchange.storage.server_configuration.descriptions import (
    DescribedEndpoint,
    DescriptionVersion,
    EndpointChanges,
    described_endpoints,
    description_versions,
    endpoint_changes,
    note_version,
    put_endpoints,
)
from kerege.exchange.storage.server_configuration.groups import (
    add_local_group,
    add_local_group_member,
    remove_local_group,
    remove_local_group_member,
)
from kerege.exchange.storage.server_configuration.limits import (
    remove_client_limits,
    set_client_limits,
)
from kerege.exchange.storage.server_configuration.load import load_server_configuration
from kerege.exchange.storage.server_configuration.services import (
    add_endpoint,
    add_service,
    change_service,
    grant,
    remove_endpoint,
    remove_service,
    revoke,
)
from kerege.exchange.storage.server_configuration.values import (
    WHOLE_SERVICE,
    AccessRight,
    Client,
    ClientLimits,
    ClientStatus,
    ConnectionType,
    Endpoint,
    InGlobalGroup,
    LocalGroup,
    ServerConfiguration,
    Service,
    ServiceType,
    Side,
    Subject,
    TimestampingService,
)

__all__ = [
    "WHOLE_SERVICE",
    "AccessRight",
    "Client",
    "ClientLimits",
    "ClientStatus",
    "ConnectionType",
    "DescribedEndpoint",
    "DescriptionVersion",
    "Endpoint",
    "EndpointChanges",
    "InGlobalGroup",
    "LocalGroup",
    "ServerConfiguration",
    "Service",
    "ServiceType",
    "Side",
    "Subject",
    "TimestampingService",
    "add_client",
    "add_client_certificate",
    "add_endpoint",
    "add_local_group",
    "add_local_group_member",
    "add_service",
    "add_timestamping_service",
    "change_client",
    "change_service",
    "described_endpoints",
    "description_versions",
    "endpoint_changes",
    "grant",
    "load_server_configuration",
    "note_version",
    "put_endpoints",
    "remove_client",
    "remove_client_certificate",
    "remove_client_limits",
    "remove_endpoint",
    "remove_local_group",
    "remove_local_group_member",
    "remove_service",
    "remove_timestamping_service",
    "revoke",
    "set_client_limits",
    "set_setting",
]
