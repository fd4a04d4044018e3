"""What a view asks for: the headers of the request that it is given."""

from collections.abc import Mapping
from typing import Any

from kerege.exchange.provider.headers import NoXRoadHeadersError, XRoadHeaders

KEY = "kerege.xroad"
"""In a WSGI environment and in an ASGI scope."""


def headers_of(request: Any) -> XRoadHeaders:  # noqa: ANN401 - of any framework
    """Return the X-Road headers of a request that came through the middleware.

    Args:
        request: A request of Flask, Django, Starlette or FastAPI, a WSGI environment
            or an ASGI scope.

    Raises:
        NoXRoadHeadersError: the request has none, or no middleware judged it.
    """
    for name in ("environ", "META", "scope"):
        found = getattr(request, name, None)
        if isinstance(found, Mapping) and KEY in found:
            request = found
            break
    headers = request.get(KEY) if isinstance(request, Mapping) else None
    if not isinstance(headers, XRoadHeaders):
        raise NoXRoadHeadersError(
            "The request has no X-Road headers that were checked: put XRoadWSGI, "
            "XRoadASGI or django_middleware around the application, and check its prefix"
        )
    return headers
