"""listMethods, allowedMethods and getOpenAPI, asked by REST messages.

Source: PR-MREST, `RestMetadataServiceHandlerImpl.java`. The answer repeats the headers
of the request, as in the reference, but for those that describe a body or a login;
Content-Type comes after the headers that the server adds.
"""

from urllib.parse import parse_qsl

from kerege.exchange.security_server.metaservices.answers import (
    Content,
    MetaserviceAnswer,
)
from kerege.exchange.security_server.metaservices.descriptions import fetch_openapi
from kerege.exchange.security_server.runtime import Runtime
from kerege.exchange.storage.server_configuration import (
    Endpoint,
    ServerConfiguration,
    Service,
    ServiceType,
)
from kerege.xroad.faults import XRoadError
from kerege.xroad.globalconf import GlobalConf
from kerege.xroad.identifiers import ClientId, ServiceId
from kerege.xroad.metadata import (
    GET_OPENAPI,
    LIST_METHODS,
    RestService,
    rest_methods_json,
)
from kerege.xroad.rest import RestRequest

MAX_PARAMETERS = 32
"""Of getOpenAPI's query; it has one."""
JSON = "application/json"

_NOT_REPEATED = frozenset(
    (
        "accept-encoding",
        "authorization",
        "content-encoding",
        "content-language",
        "content-location",
        "content-range",
        "content-type",
        "cookie",
        "location",
        "range",
        "set-cookie",
        "x-road-error",
        "x-road-service",
    )
)
"""Headers of a request that would say something wrong of the answer, or somebody's
secrets."""


async def answer_rest(runtime: Runtime, request: RestRequest) -> MetaserviceAnswer:
    """Answer a metadata request; its right need not be checked.

    Raises:
        XRoadError: ``invalid_request``, ``internal_error``.
    """
    provider = request.service_id.client_id
    code = request.service_id.service_code
    rights = runtime.server_configuration()
    if code == GET_OPENAPI:
        service = _described_service(rights, provider, request)
        content_type, body = await fetch_openapi(runtime, service)
    else:
        services = (
            _listed(rights, provider)
            if code == LIST_METHODS
            else _allowed(rights, provider, request.client_id, runtime.configuration())
        )
        content_type, body = JSON, rest_methods_json(services)
    repeated = [h for h in request.headers if h[0].lower() not in _NOT_REPEATED]
    return MetaserviceAnswer(
        repeated, Content(body), last_headers=(("Content-Type", content_type),)
    )


def _rest_services(rights: ServerConfiguration, provider: ClientId) -> list[Service]:
    return [s for s in rights.services_of(provider) if s.type is not ServiceType.WSDL]


def _listed(rights: ServerConfiguration, provider: ClientId) -> list[RestService]:
    return [
        _shown(service, rights.endpoints_of(service.service_id))
        for service in _rest_services(rights, provider)
    ]


def _allowed(
    rights: ServerConfiguration,
    provider: ClientId,
    client: ClientId,
    configuration: GlobalConf,
) -> list[RestService]:
    """Return the services a client has any right to, with the endpoints it may call."""
    found = []
    for service in _rest_services(rights, provider):
        granted = rights.granted_endpoints(
            client, service.service_id, configuration.is_in_global_group
        )
        if granted:
            described = rights.endpoints_of(service.service_id)
            callable_ = [e for e in described if _is_covered(e, granted)]
            found.append(_shown(service, tuple(callable_)))
    return found


def _is_covered(endpoint: Endpoint, granted: tuple[Endpoint, ...]) -> bool:
    """Whether a right covers an endpoint, the pattern of which is taken as a path."""
    return any(one.covers(endpoint.method, (endpoint.path,)) for one in granted)


def _shown(service: Service, endpoints: tuple[Endpoint, ...]) -> RestService:
    return RestService(
        service.service_id,
        has_openapi=service.type is ServiceType.OPENAPI3,
        endpoints=tuple((e.method, e.path) for e in endpoints),
    )


def _described_service(
    rights: ServerConfiguration, provider: ClientId, request: RestRequest
) -> Service:
    code = _service_code(request.query or "")
    if not code:
        raise XRoadError("invalid_request", "Missing serviceCode in the request")
    service_id = ServiceId(
        provider.instance,
        provider.member_class,
        provider.member_code,
        provider.subsystem_code,
        code,
    )
    service = rights.service(service_id)
    if service is None:
        raise XRoadError(
            "internal_error", f"Service not found: {provider} has none of that code"
        )
    if service.type is not ServiceType.OPENAPI3 or not service.description_url:
        raise XRoadError(
            "internal_error", f"Invalid service type: {service.type.value}"
        )
    return service


def _service_code(query: str) -> str:
    """Return the last ``serviceCode``; the case of its name does not count."""
    try:
        pairs = parse_qsl(query, keep_blank_values=True, max_num_fields=MAX_PARAMETERS)
    except ValueError as error:
        raise XRoadError("invalid_request", "The query cannot be read") from error
    code = ""
    for name, value in pairs:
        if name.lower() == "servicecode":
            code = value
    return code
