"""listMethods, allowedMethods and getWsdl, asked by SOAP messages.

Source: PR-META, `MetadataServiceHandlerImpl.java`. Lists have the services that SOAP
messages reach. Nobody needs a right.
"""

from collections.abc import Callable

from kerege.exchange.security_server.built_in import BuiltInAnswer
from kerege.exchange.security_server.metaservices.descriptions import fetch_wsdl
from kerege.exchange.security_server.outgoing import new_boundary
from kerege.exchange.security_server.runtime import Runtime
from kerege.exchange.security_server.soap_request import SoapRequest
from kerege.exchange.storage.server_configuration import (
    ServerConfiguration,
    Service,
    ServiceType,
)
from kerege.xroad.faults import XRoadError
from kerege.xroad.identifiers import ClientId, ServiceId
from kerege.xroad.metadata import (
    GET_WSDL,
    LIST_METHODS,
    SOAP_MEDIA_TYPE,
    is_soap_metaservice,
    soap_methods,
    soap_with_wsdl,
    wanted_wsdl,
)


class SoapMetaservices:
    """The metadata services of all providers of a server; a `BuiltInService`."""

    def __init__(self, runtime: Runtime) -> None:
        """Answer from the runtime's server configuration."""
        self._runtime = runtime

    def handles(self, request: SoapRequest) -> bool:
        """Whether metadata is asked for; the version of the service does not count."""
        return is_soap_metaservice(request.service_id.service_code)

    def require_right(self, request: SoapRequest) -> None:
        """Let everybody ask."""

    async def answer(self, request: SoapRequest) -> BuiltInAnswer:
        """Answer a verified request.

        Raises:
            XRoadError: ``invalid_request``, ``unknown_service``, ``service_type``,
                ``internal_error`` if the WSDL cannot be fetched.
        """
        code = request.service_id.service_code
        if code == GET_WSDL:
            return await self._wsdl(request)
        provider = request.service_id.client_id
        rights = self._runtime.server_configuration()
        services = [
            one.service_id
            for one in rights.services_of(provider)
            if one.type is ServiceType.WSDL
        ]
        if code != LIST_METHODS:
            allowed = self._allowed(rights, request.client_id)
            services = [one for one in services if allowed(one)]
        return BuiltInAnswer(
            SOAP_MEDIA_TYPE, soap_methods(request.content, code, services)
        )

    def _allowed(
        self, rights: ServerConfiguration, client: ClientId
    ) -> Callable[[ServiceId], bool]:
        in_group = self._runtime.configuration().is_in_global_group

        def is_allowed(service: ServiceId) -> bool:
            return bool(rights.granted_endpoints(client, service, in_group))

        return is_allowed

    async def _wsdl(self, request: SoapRequest) -> BuiltInAnswer:
        code, version = wanted_wsdl(request.content)
        service = self._described(request.service_id.client_id, code, version)
        wsdl = await fetch_wsdl(self._runtime, service)
        content_type, content = soap_with_wsdl(
            request.content,
            wsdl,
            boundary=new_boundary(),
            content_id=self._runtime.new_id(),
        )
        return BuiltInAnswer(content_type, content)

    def _described(self, provider: ClientId, code: str, version: str | None) -> Service:
        """Return the service; without a version the first of that code."""
        matching = [
            one
            for one in self._runtime.server_configuration().services_of(provider)
            if one.service_id.service_code == code
            and version in (None, one.service_id.service_version)
        ]
        exact = [one for one in matching if one.service_id.service_version == version]
        service = next(iter(exact or matching), None)
        if service is None:
            raise _without_wsdl()
        if service.type is not ServiceType.WSDL:
            raise XRoadError(
                "service_type", "Service is a REST service and does not have a WSDL"
            )
        if not service.description_url:
            raise _without_wsdl()
        return service


def _without_wsdl() -> XRoadError:
    """Return the fault; it does not repeat the code, which may be anything."""
    return XRoadError(
        "unknown_service", "Could not find wsdl URL for service of that code"
    )
