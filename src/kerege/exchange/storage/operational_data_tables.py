"""Tables of operational monitoring: a row for each message on each side.

Columns are the fields of `OperationalRecord`, in the same order and with the
reference's names. Services that answered have a row of their own, so that the last
success is found without looking through a week of messages.
"""

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Index,
    LargeBinary,
    String,
    Table,
)

from kerege.exchange.storage.metadata import metadata, row_id
from kerege.xroad.opmonitoring import (
    FIELDS,
    MAX_FAULT_STRING_CHARACTERS,
    MAX_STRING_CHARACTERS,
    Field,
)

_NEEDED = frozenset(("monitoring_data_ts",))
"""Besides what the schema of records to store requires."""


def _column(name: str, field: Field) -> "Column[object]":
    kind: type[BigInteger | Boolean] | String
    if field.kind is bool:
        kind = Boolean
    elif field.kind is int:
        kind = BigInteger
    else:
        long = name == "fault_string"
        kind = String(MAX_FAULT_STRING_CHARACTERS if long else MAX_STRING_CHARACTERS)
    return Column(name, kind, nullable=not (field.required or name in _NEEDED))


operational_data = Table(
    "operational_data",
    metadata,
    Column("id", row_id(), primary_key=True),
    *(_column(name, field) for name, field in FIELDS.items()),
)
Index("ix_operational_data_monitoring_data_ts", operational_data.c.monitoring_data_ts)

operational_services = Table(
    "operational_services",
    metadata,
    # SHA-256 of the service's path: six codes are too long for an index.
    Column("identity", LargeBinary, primary_key=True),
    Column("path", String, nullable=False),
    Column("service_type", String(255)),
    # Milliseconds since 1970, when the last answer of each kind left.
    Column("last_successful", BigInteger),
    Column("last_unsuccessful", BigInteger),
    Column("last_heard", BigInteger, nullable=False),
)
