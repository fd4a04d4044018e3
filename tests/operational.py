"""Records of operational monitoring, and the reference's schemas to hold them against."""

import functools
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from lxml import etree

from kerege.exchange.opmonitor.rows import insert_records
from kerege.exchange.storage import Database
from kerege.xroad.identifiers import ClientId, ServiceId
from kerege.xroad.opmonitoring import PRODUCER, OperationalRecord
from tests.vectors import xroad_path

NOW = datetime(2016, 10, 26, 8, 0, tzinfo=UTC)
SYSTEM1 = ClientId("XTEE-CI-XM", "GOV", "00000001", "System1")
CENTER = ClientId("XTEE-CI-XM", "GOV", "00000000", "Center")
RANDOM = ServiceId("XTEE-CI-XM", "GOV", "00000000", "Center", "xroadGetRandom", "v1")
NOT_IN_SCHEMAS = "xRequestId"
"""A field that the reference writes and its own schemas forgot; they allow others."""
TYPES = {"integer": int, "string": str, "boolean": bool, "array": list, "object": dict}


def record(
    client: ClientId = SYSTEM1, service: ServiceId = RANDOM, **changes: object
) -> OperationalRecord:
    """Return a full record of a message, the one of the reference's tests."""
    full = OperationalRecord(
        security_server_internal_ip="192.168.3.250",
        request_in_ts=14749689780000,
        request_out_ts=14749689790000,
        response_in_ts=14749689800000,
        response_out_ts=14749689820000,
        client_xroad_instance=client.instance,
        client_member_class=client.member_class,
        client_member_code=client.member_code,
        client_subsystem_code=client.subsystem_code,
        service_xroad_instance=service.instance,
        service_member_class=service.member_class,
        service_member_code=service.member_code,
        service_subsystem_code=service.subsystem_code,
        service_code=service.service_code,
        service_version=service.service_version,
        represented_party_class="COM",
        represented_party_code="UNKNOWN_MEMBER",
        message_id="1c71e0e1-9a9e-4b9a-b9f0-ac5b4f7d3c70",
        message_user_id="EE37702211230",
        message_issue="issue-1",
        message_protocol_version="4.0",
        client_security_server_address="xtee8.example.org",
        service_security_server_address="xtee9.example.org",
        request_size=1629,
        response_size=1519,
        request_attachment_count=0,
        response_attachment_count=0,
        succeeded=True,
        x_request_id="d4490e7f-305e-44c3-b869-beaaeda694e7",
        service_type="WSDL",
        xroad_version="7.8.0",
    )
    return full._replace(**changes)


@dataclass(frozen=True)
class Noted:
    """A note whose record is made already."""

    made: OperationalRecord

    def record(self) -> OperationalRecord:
        return self.made


def provided(service: ServiceId, **changes: object) -> OperationalRecord:
    """Return a record of the provider's server."""
    return record(service=service, security_server_type=PRODUCER, **changes)


def store(database: Database, at: int, *records: OperationalRecord) -> None:
    """Store records as if it was then."""
    with database.write() as connection:
        insert_records(connection, records, at)


def require_schema(name: str, value: object) -> None:
    """Check JSON against a schema of the reference, as far as these schemas go."""
    import yaml  # here: most tests need none

    schema = yaml.safe_load(xroad_path(f"opmonitoring/{name}").read_text("utf-8"))
    _check(schema, value, "$")


def _check(schema: Mapping[str, Any], value: Any, where: str) -> None:
    kind = TYPES[schema["type"]]
    assert type(value) is kind, where
    if "enum" in schema:
        allowed = schema["enum"]
        names = allowed.split(", ") if isinstance(allowed, str) else allowed
        assert value in names, where
    if kind is str:
        assert len(value) <= schema.get("maxLength", len(value)), where
    if kind is int:
        assert value >= schema.get("minimum", value), where
    if kind is list:
        for number, item in enumerate(value):
            _check(schema["items"], item, f"{where}[{number}]")
    if kind is dict:
        assert set(schema.get("required", ())) <= set(value), where
        for key, inner in value.items():
            if key != NOT_IN_SCHEMAS:
                _check(schema["properties"][key], inner, f"{where}.{key}")


@functools.cache
def xsd(name: str) -> etree.XMLSchema:
    """Read a schema of the reference."""
    return etree.XMLSchema(etree.parse(xroad_path(f"xsd/{name}")))


def values_of(element: etree._Element, names: Iterable[str]) -> list[str | None]:
    """Return texts of children by local name."""
    return [element.findtext(f"{{*}}{name}") for name in names]
