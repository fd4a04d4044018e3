"""Tables of the server configuration: clients, services, access rights, settings.

The shape is the reference's (`lib/serverconf-impl`): endpoints and access rights belong
to a service code of a provider, whatever its version. An absent subsystem code or
version is the empty string.
"""

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Double,
    ForeignKey,
    Integer,
    LargeBinary,
    String,
    Table,
    UniqueConstraint,
    false,
)

from kerege.exchange.storage.metadata import metadata, row_id

CODE = String(255)


def _codes() -> list[Column[str]]:
    return [
        Column("instance", CODE, nullable=False),
        Column("member_class", CODE, nullable=False),
        Column("member_code", CODE, nullable=False),
        Column("subsystem_code", CODE, nullable=False),
    ]


def _child_of(column: str) -> Column[int]:
    name = column.partition(".")[0].rstrip("s") + "_id"
    return Column(
        name, row_id(), ForeignKey(column, ondelete="CASCADE"), nullable=False
    )


clients = Table(
    "clients",
    metadata,
    Column("id", row_id(), primary_key=True),
    *_codes(),
    Column("connection", String(20), nullable=False),
    Column("status", String(40), nullable=False),
    UniqueConstraint("instance", "member_class", "member_code", "subsystem_code"),
)

client_tls_certificates = Table(
    "client_tls_certificates",
    metadata,
    Column("id", row_id(), primary_key=True),
    _child_of("clients.id"),
    Column("sha256", LargeBinary, nullable=False),
    Column("certificate", LargeBinary, nullable=False),
    UniqueConstraint("client_id", "sha256"),
)

client_limits = Table(
    "client_limits",
    metadata,
    Column("id", row_id(), primary_key=True),
    Column("side", String(20), nullable=False),
    *_codes(),
    Column("request_bytes", BigInteger),  # null: what holds otherwise; 0: no bound
    Column("answer_bytes", BigInteger),
    Column("messages_per_second", Double),
    Column("burst", Integer),
    Column("messages_at_once", Integer),
    UniqueConstraint(
        "side",
        "instance",
        "member_class",
        "member_code",
        "subsystem_code",
        name="uq_client_limits_client",
    ),
)  # also of clients of other servers

services = Table(
    "services",
    metadata,
    Column("id", row_id(), primary_key=True),
    _child_of("clients.id"),
    Column("service_code", CODE, nullable=False),
    Column("service_version", CODE, nullable=False),
    Column("type", String(20), nullable=False),
    Column("url", String(2048), nullable=False),
    Column("description_url", String(2048), nullable=False),
    Column("timeout_seconds", Integer, nullable=False),
    Column("verify_tls", Boolean, nullable=False),
    Column("disabled_notice", String(255)),  # a text, even an empty one: disabled
    UniqueConstraint("client_id", "service_code", "service_version"),
)

endpoints = Table(
    "endpoints",
    metadata,
    Column("id", row_id(), primary_key=True),
    _child_of("clients.id"),
    Column("service_code", CODE, nullable=False),
    Column("method", String(20), nullable=False),
    Column("path", CODE, nullable=False),
    Column("generated", Boolean, nullable=False, server_default=false()),
    UniqueConstraint("client_id", "service_code", "method", "path"),
)  # generated: a description brought it, and the next version may take it away

service_description_versions = Table(
    "service_description_versions",
    metadata,
    Column("id", row_id(), primary_key=True),
    _child_of("clients.id"),
    Column("url", String(2048), nullable=False),
    Column("sha256", LargeBinary, nullable=False),
    Column("format", String(40), nullable=False),
    Column("title", CODE, nullable=False),
    Column("version", CODE, nullable=False),
    Column("first_read", BigInteger, nullable=False),  # milliseconds since 1970
    Column("last_read", BigInteger, nullable=False),
)

access_rights = Table(
    "access_rights",
    metadata,
    Column("id", row_id(), primary_key=True),
    _child_of("endpoints.id"),
    Column("subject_type", String(20), nullable=False),
    *_codes(),
    Column("group_code", CODE, nullable=False),
    UniqueConstraint(
        "endpoint_id",
        "subject_type",
        "instance",
        "member_class",
        "member_code",
        "subsystem_code",
        "group_code",
        name="uq_access_rights_subject",
    ),
)

local_groups = Table(
    "local_groups",
    metadata,
    Column("id", row_id(), primary_key=True),
    _child_of("clients.id"),
    Column("group_code", CODE, nullable=False),
    Column("description", CODE, nullable=False),
    UniqueConstraint("client_id", "group_code"),
)

local_group_members = Table(
    "local_group_members",
    metadata,
    Column("id", row_id(), primary_key=True),
    _child_of("local_groups.id"),
    *_codes(),
    UniqueConstraint(
        "local_group_id",
        "instance",
        "member_class",
        "member_code",
        "subsystem_code",
        name="uq_local_group_members_member",
    ),
)

timestamping_services = Table(
    "timestamping_services",
    metadata,
    Column("id", row_id(), primary_key=True),  # asked in this order
    Column("name", CODE, nullable=False),
    Column("url", String(2048), nullable=False),
    UniqueConstraint("url"),
)

settings = Table(
    "settings",
    metadata,
    Column("key", String(255), primary_key=True),
    Column("value", String, nullable=False),
)
