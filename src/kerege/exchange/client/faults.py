"""Telling a fault of X-Road from an answer of the service, and reading it.

A fault has the header ``X-Road-Error`` and a short body, JSON or XML as the Accept
header asked (`PR-REST` 4.7). Answers of services always have the request's hash, which
faults never have: a service that sends ``X-Road-Error`` itself cannot fake a fault.
"""

import json
from collections.abc import Mapping

from kerege.exchange.client.errors import XRoadFault, fault_of
from kerege.xroad.faults import XRoadError
from kerege.xroad.xml import parse

ERROR_HEADER = "X-Road-Error"
HASH_HEADER = "X-Road-Request-Hash"
MAX_FAULT_BYTES = 64 * 1024
"""A fault has three short texts."""
MAX_TEXT_CHARACTERS = 2000
"""What is kept of a fault's text, for people."""


def is_fault(headers: Mapping[str, str]) -> bool:
    """Whether an answer is a fault of X-Road."""
    return ERROR_HEADER in headers and HASH_HEADER not in headers


def read_fault(headers: Mapping[str, str], body: bytes, query_id: str) -> XRoadFault:
    """Return the fault in an answer; a body that cannot be read costs its text only."""
    xml = "xml" in headers.get("Content-Type", "").lower()
    fields = _xml_fields(body) if xml else _json_fields(body)
    return fault_of(
        headers[ERROR_HEADER].strip()[:MAX_TEXT_CHARACTERS],
        fields.get("message", "")[:MAX_TEXT_CHARACTERS],
        detail=fields.get("detail", "")[:MAX_TEXT_CHARACTERS],
        query_id=query_id,
    )


def _json_fields(body: bytes) -> dict[str, str]:
    try:
        document = json.loads(body)
    except (ValueError, RecursionError):
        return {}
    if not isinstance(document, dict):
        return {}
    return {name: str(value) for name, value in document.items()}


def _xml_fields(body: bytes) -> dict[str, str]:
    try:
        root = parse(body, code="invalid_xml", what="Fault")
    except XRoadError:
        return {}
    return {str(child.tag): child.text or "" for child in root}
