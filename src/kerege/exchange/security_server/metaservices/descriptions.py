"""Descriptions of services, fetched for callers and shown without their hosts."""

import ssl

from kerege.exchange.descriptions import Description, fetch_description
from kerege.exchange.security_server.runtime import Runtime
from kerege.exchange.security_server.service_call import require_listed
from kerege.exchange.storage.server_configuration import Service
from kerege.xroad.metadata import anonymised, anonymised_wsdl, is_json_description

DEFAULT_CONTENT_TYPE = "text/plain"
"""What a description is shown as if nothing said what it is."""


async def fetch_openapi(runtime: Runtime, service: Service) -> tuple[str, bytes]:
    """Return Content-Type and content of a service's OpenAPI description.

    Raises ``internal_error``.
    """
    fetched = await _fetch(runtime, service)
    is_json = is_json_description(fetched.content_type, fetched.url)

    def make(content: bytes) -> bytes:
        return anonymised(content, is_json=is_json)

    kind = f"openapi {is_json}"
    content = await runtime.described.read(fetched.content, kind, make)
    return fetched.content_type or DEFAULT_CONTENT_TYPE, content


async def fetch_wsdl(runtime: Runtime, service: Service) -> bytes:
    """Return a service's WSDL with the address that is shown. Raises ``internal_error``."""
    fetched = await _fetch(runtime, service)
    return await runtime.described.read(fetched.content, "wsdl", anonymised_wsdl)


async def _fetch(runtime: Runtime, service: Service) -> Description:
    def judge(ssl_object: ssl.SSLObject) -> None:
        if service.verify_tls:
            require_listed(runtime, service, ssl_object)

    async def fetch() -> Description:
        return await fetch_description(
            service.description_url,
            context=runtime.keys.service,
            on_use=judge,
            anywhere=runtime.settings.security.descriptions_from_link_local,
        )

    return await runtime.described.fetched(service, fetch)
