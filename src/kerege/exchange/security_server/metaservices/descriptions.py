"""Descriptions of services, fetched for callers and shown without their hosts.

Fetched anew each time, as in the reference: a caller gets what holds now. Reading and
writing it again is done once for each version, in a thread, and few at a time: a large
one takes a second.
"""

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
    known = runtime.descriptions
    async with known.turn:
        fetched = await _fetch(runtime, service)
        is_json = is_json_description(fetched.content_type, fetched.url)

        def make(content: bytes) -> bytes:
            return anonymised(content, is_json=is_json)

        content = await known.read(fetched.content, f"openapi {is_json}", make)
    return fetched.content_type or DEFAULT_CONTENT_TYPE, content


async def fetch_wsdl(runtime: Runtime, service: Service) -> bytes:
    """Return a service's WSDL with the address that is shown. Raises ``internal_error``."""
    known = runtime.descriptions
    async with known.turn:
        fetched = await _fetch(runtime, service)
        return await known.read(fetched.content, "wsdl", anonymised_wsdl)


async def _fetch(runtime: Runtime, service: Service) -> Description:
    def judge(ssl_object: ssl.SSLObject) -> None:
        if service.verify_tls:
            require_listed(runtime, service, ssl_object)

    return await fetch_description(
        service.description_url,
        context=runtime.keys.service,
        on_use=judge,
        anywhere=runtime.settings.security.descriptions_from_link_local,
    )
