"""listClients: who is registered in an instance, as XML or as JSON.

Source: PR-META section 2, `MetadataClientRequestProcessor.java`. A member stands before
its subsystems; a subsystem's ``name`` is its member's.
"""

import json
from collections.abc import Iterable

from lxml import etree

from kerege.xroad.globalconf import MemberInfo
from kerege.xroad.identifier_xml import IDENTIFIERS_NAMESPACE, write_identifier
from kerege.xroad.identifiers import ClientId
from kerege.xroad.soap import XROAD_NAMESPACE

XML_MEDIA_TYPE = "text/xml; charset=UTF-8"
JSON_MEDIA_TYPE = "application/json; charset=utf-8"
_XROAD = f"{{{XROAD_NAMESPACE}}}"
_PREFIXES: dict[str | None, str] = {
    "id": IDENTIFIERS_NAMESPACE,
    "xroad": XROAD_NAMESPACE,
}


def accepts_json(accept: Iterable[str]) -> bool:
    """Whether a caller wants JSON.

    As in the reference ``application/json`` must be named; quality values and wild
    cards do not count.

    Args:
        accept: The values of all Accept headers.
    """
    return any(
        media_range.split(";", 1)[0].strip().lower() == "application/json"
        for value in accept
        for media_range in value.split(",")
    )


def client_list_json(clients: Iterable[MemberInfo]) -> bytes:
    """Return the list as JSON, keys in snake case; names that are not there left out."""
    return _compact({"member": [_fields(client) for client in clients]})


def client_list_xml(clients: Iterable[MemberInfo]) -> bytes:
    """Return the list as the element ``clientList``."""
    root = etree.Element(f"{_XROAD}clientList", nsmap=_PREFIXES)
    for client in clients:
        member = etree.SubElement(root, f"{_XROAD}member")
        write_identifier(etree.SubElement(member, f"{_XROAD}id"), client.id)
        etree.SubElement(member, f"{_XROAD}name").text = client.member_name
        if client.subsystem_name is not None:
            name = etree.SubElement(member, f"{_XROAD}subsystemName")
            name.text = client.subsystem_name
    return etree.tostring(root, xml_declaration=True, encoding="UTF-8")


def _fields(client: MemberInfo) -> dict[str, object]:
    fields: dict[str, object] = {
        "id": client_fields(client.id),
        "name": client.member_name,
    }
    if client.subsystem_name is not None:
        fields["subsystem_name"] = client.subsystem_name
    return fields


def client_fields(client: ClientId) -> dict[str, str]:
    """Return an identifier as JSON has it."""
    fields = {
        "member_class": client.member_class,
        "member_code": client.member_code,
        "object_type": client.object_type.value,
    }
    if client.subsystem_code is not None:
        fields["subsystem_code"] = client.subsystem_code
    return fields | {"xroad_instance": client.instance}


def _compact(value: object) -> bytes:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()
