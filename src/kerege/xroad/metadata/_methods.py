"""listMethods and allowedMethods: the services of a provider, as REST and as SOAP.

Source: PR-MREST, PR-META section 3, `RestMetadataServiceHandlerImpl.java`,
`MetadataServiceHandlerImpl.java`. REST lists services that REST messages reach, SOAP
those that SOAP messages reach. Codes are compared by case.
"""

import json
from collections.abc import Iterable
from dataclasses import dataclass

from kerege.xroad.identifiers import ServiceId

LIST_METHODS = "listMethods"
ALLOWED_METHODS = "allowedMethods"
GET_OPENAPI = "getOpenAPI"
GET_WSDL = "getWsdl"

REST_METASERVICES = frozenset((LIST_METHODS, ALLOWED_METHODS, GET_OPENAPI))
"""Answered to GET, whoever provides a service of that code."""
SOAP_METASERVICES = frozenset((LIST_METHODS, ALLOWED_METHODS, GET_WSDL))
RESERVED_SERVICE_CODES = REST_METASERVICES | SOAP_METASERVICES
"""Nobody can call a service of such a code: the server answers itself."""


@dataclass(frozen=True, slots=True)
class RestService:
    """A service that REST messages reach."""

    service_id: ServiceId
    has_openapi: bool
    """Whether an OpenAPI document describes it."""
    endpoints: tuple[tuple[str, str], ...]
    """Method and path pattern of each, without the whole service."""


def is_rest_metaservice(method: str, service_code: str) -> bool:
    """Whether a REST message asks for metadata; only GET does."""
    return service_code in REST_METASERVICES and method == "GET"


def is_soap_metaservice(service_code: str) -> bool:
    """Whether a SOAP message asks for metadata."""
    return service_code in SOAP_METASERVICES


def rest_methods_json(services: Iterable[RestService]) -> bytes:
    """Return the answer to listMethods and allowedMethods."""
    answer = {"service": [_fields(service) for service in services]}
    return json.dumps(answer, ensure_ascii=False, separators=(",", ":")).encode()


def _fields(service: RestService) -> dict[str, object]:
    service_id = service.service_id
    fields: dict[str, object] = {
        "member_class": service_id.member_class,
        "member_code": service_id.member_code,
        "object_type": service_id.object_type.value,
        "service_code": service_id.service_code,
        "service_type": "OPENAPI" if service.has_openapi else "REST",
    }
    if service_id.subsystem_code is not None:
        fields["subsystem_code"] = service_id.subsystem_code
    fields["xroad_instance"] = service_id.instance
    fields["endpoint_list"] = [
        {"method": method, "path": path} for method, path in service.endpoints
    ]
    return fields
