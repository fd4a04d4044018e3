"""The record of one message on one side, with the reference's fields.

The order of the fields is that of the storage's columns; their names in JSON are in
`JSON_NAMES`.

`read_records`, `stored_answer` and `require_stored` are both ends of the protocol by
which the reference's proxy has its monitoring daemon store records. Our servers store
their records themselves and call none of them: they are for programs that stand in for
a daemon, or feed one.
"""

import json
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from kerege.xroad.faults import XRoadError

MAX_STRING_CHARACTERS = 255
"""Of every text but the one below; what is longer is cut, as in the reference."""
MAX_FAULT_STRING_CHARACTERS = 2048
MAX_INTEGER = 2**63 - 1
"""``xs:long``, and the columns of both databases."""
MAX_STORED_RECORDS = 10_000
"""Most records of a request to store: the reference sends 100."""
CLIENT = "Client"
"""Type of the server of who asked."""
PRODUCER = "Producer"
"""Type of the server of who answered."""
_INVALID = "invalid_request"


class OperationalRecord(NamedTuple):
    """One message on one side. Times in milliseconds since 1970 unless said otherwise.

    Made for every message, so it is a plain tuple that goes into the database as it is.
    """

    monitoring_data_ts: int | None = None
    """Seconds since 1970 when it was stored; queries go by it."""
    security_server_internal_ip: str | None = None
    security_server_type: str = CLIENT
    """`CLIENT` or `PRODUCER`."""
    request_in_ts: int = 0
    request_out_ts: int | None = None
    response_in_ts: int | None = None
    response_out_ts: int = 0
    client_xroad_instance: str | None = None
    client_member_class: str | None = None
    client_member_code: str | None = None
    client_subsystem_code: str | None = None
    service_xroad_instance: str | None = None
    service_member_class: str | None = None
    service_member_code: str | None = None
    service_subsystem_code: str | None = None
    service_code: str | None = None
    rest_method: str | None = None
    rest_path: str | None = None
    """The pattern of an endpoint of the service, never the path of a message."""
    xroad_version: str | None = None
    service_version: str | None = None
    represented_party_class: str | None = None
    represented_party_code: str | None = None
    message_id: str | None = None
    message_user_id: str | None = None
    message_issue: str | None = None
    message_protocol_version: str | None = None
    client_security_server_address: str | None = None
    service_security_server_address: str | None = None
    request_size: int | None = None
    response_size: int | None = None
    request_mime_size: int | None = None
    request_attachment_count: int | None = None
    response_mime_size: int | None = None
    response_attachment_count: int | None = None
    succeeded: bool = False
    fault_code: str | None = None
    fault_string: str | None = None
    x_request_id: str | None = None
    status_code: int | None = None
    service_type: str | None = None


@dataclass(frozen=True, slots=True)
class Field:
    """What is known of a field."""

    name: str
    """In JSON and in ``outputField``."""
    kind: type
    """``str``, ``int`` or ``bool``."""
    required: bool = False
    """When a record is stored."""


_IRREGULAR = {
    "client_xroad_instance": "clientXRoadInstance",
    "service_xroad_instance": "serviceXRoadInstance",
    "xroad_version": "xRoadVersion",
}
_REQUIRED = frozenset(
    (
        "security_server_internal_ip",
        "security_server_type",
        "request_in_ts",
        "response_out_ts",
        "succeeded",
    )
)
_INTEGER_ENDS = ("_ts", "_size", "_count", "status_code")


def _json_name(column: str) -> str:
    if column in _IRREGULAR:
        return _IRREGULAR[column]
    first, *others = column.split("_")
    return first + "".join(other.capitalize() for other in others)


def _kind(column: str) -> type:
    if column == "succeeded":
        return bool
    return int if column.endswith(_INTEGER_ENDS) else str


FIELDS: Mapping[str, Field] = {
    column: Field(_json_name(column), _kind(column), column in _REQUIRED)
    for column in OperationalRecord._fields
}
"""By column."""
JSON_NAMES = {column: field.name for column, field in FIELDS.items()}
COLUMNS = {field.name: column for column, field in FIELDS.items()}
"""By name in JSON."""
_TEXTS = [
    (
        place,
        MAX_FAULT_STRING_CHARACTERS
        if column == "fault_string"
        else MAX_STRING_CHARACTERS,
    )
    for place, (column, field) in enumerate(FIELDS.items())
    if field.kind is str
]
"""Places of texts in a record, and how long they may be."""


def cut(record: OperationalRecord) -> OperationalRecord:
    """Return the record with texts cut to what is stored."""
    values: list[int | str | None] | None = None
    for place, most in _TEXTS:
        text = record[place]
        if isinstance(text, str) and len(text) > most:
            values = list(record) if values is None else values
            values[place] = text[:most]
    return record if values is None else OperationalRecord._make(values)


def as_json(record: OperationalRecord) -> dict[str, Any]:
    """Return the record by names of JSON; fields without a value are left out."""
    return {
        JSON_NAMES[column]: value
        for column, value in zip(OperationalRecord._fields, record, strict=True)
        if value is not None
    }


def payload(records: Iterable[Mapping[str, Any]]) -> bytes:
    """Return records, as `as_json` gives them, as the JSON of a store or an answer."""
    content = {"records": list(records)}
    return json.dumps(content, ensure_ascii=False, separators=(",", ":")).encode()


def read_record(values: object) -> OperationalRecord:
    """Read a record that is to be stored.

    Args:
        values: What JSON gave; names that are not known are left out.

    Raises:
        XRoadError: ``invalid_request``, if a required field is missing or one has the
            wrong type, a negative number, or an unknown type of server.
    """
    if not isinstance(values, dict):
        raise XRoadError(_INVALID, "A record is not an object")
    found: dict[str, Any] = {}
    for column, field in FIELDS.items():
        value = values.get(field.name)
        if value is None:
            if field.required:
                raise XRoadError(_INVALID, f"A record has no {field.name}")
            continue
        _require_value(field, value)
        found[column] = value
    if found["security_server_type"] not in (CLIENT, PRODUCER):
        raise XRoadError(_INVALID, "Invalid value of securityServerType")
    return cut(OperationalRecord(**found))


def read_records(data: bytes) -> Sequence[OperationalRecord]:
    """Read the JSON of a request to store records.

    Raises:
        XRoadError: ``invalid_request``, if it is not JSON, has more than
            `MAX_STORED_RECORDS` records, or as `read_record` does.
    """
    try:
        content = json.loads(data)
    except (ValueError, RecursionError) as error:
        raise XRoadError(_INVALID, "The records are not JSON") from error
    records = content.get("records") if isinstance(content, dict) else None
    if not isinstance(records, list):
        raise XRoadError(_INVALID, "There is no list of records")
    if len(records) > MAX_STORED_RECORDS:
        raise XRoadError(_INVALID, f"More than {MAX_STORED_RECORDS} records")
    return [read_record(values) for values in records]


def stored_answer(error: XRoadError | None = None) -> bytes:
    """Return the JSON that answers a request to store: done, or why not."""
    if error is None:
        return b'{"status":"OK"}'
    content = {"status": "Error", "errorMessage": error.message}
    return json.dumps(content, ensure_ascii=False).encode()


def require_stored(data: bytes) -> None:
    """Read the answer to a request to store; one without a status is an error.

    Raises:
        XRoadError: ``invalid_response`` if it was not stored, with what it says.
    """
    try:
        content = json.loads(data)
    except (ValueError, RecursionError):
        content = None
    if not isinstance(content, dict):
        raise XRoadError("invalid_response", "The answer is not a JSON object")
    if content.get("status", "Error") != "OK":
        why = str(content.get("errorMessage") or "no reason given")
        raise XRoadError(
            "invalid_response", f"Records not stored: {why[:MAX_STRING_CHARACTERS]}"
        )


def require_known_fields(names: Collection[str]) -> None:
    """Check names of JSON fields that an answer is asked to have.

    Raises:
        XRoadError: ``client.invalid_request``, if one is not known; it is named.
    """
    for name in names:
        if name not in COLUMNS:
            raise XRoadError(
                "client.invalid_request",
                "Unknown output field in search criteria: "
                f"{name[:MAX_STRING_CHARACTERS]}",
            )


def _require_value(field: Field, value: object) -> None:
    if type(value) is not field.kind:
        raise XRoadError(
            _INVALID, f"{field.name} must be of type {field.kind.__name__}"
        )
    if isinstance(value, int) and not 0 <= value <= MAX_INTEGER:
        raise XRoadError(
            _INVALID, f"{field.name} must not be negative, nor over {MAX_INTEGER}"
        )
