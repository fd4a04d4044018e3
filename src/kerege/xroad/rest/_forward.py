"""What goes on from a block: to the service, and back to the client."""

from kerege.xroad.rest._block import Headers
from kerege.xroad.rest._request import METHODS_WITH_BODY, RestRequest
from kerege.xroad.rest._response import RestResponse


def service_url(base: str, request: RestRequest) -> str:
    """Return the URL to call: the service's address, the path, the query.

    The path is the one that access rights were checked for, byte for byte; only a
    slash that would stand twice at the seam is removed.
    """
    path = request.service_path
    if path and base.endswith("/"):
        base = base[:-1]
    query = "" if request.query is None else f"?{request.query}"
    return f"{base}{path}{query}"


def headers_for_service(request: RestRequest) -> Headers:
    """Return the headers that the service gets: all of the block.

    The shell adds Host, and Content-Length or Transfer-Encoding if there is a body.
    """
    return request.headers


def body_reaches_service(request: RestRequest) -> bool:
    """Whether a body is sent on; with other methods it is only signed and logged."""
    return request.method in METHODS_WITH_BODY


def headers_for_client(response: RestResponse) -> Headers:
    """Return the headers that the client gets: all of the block, Date only once.

    Of several Date headers the last is kept, in the place of the first.
    """
    dates = [value for name, value in response.headers if name.lower() == "date"]
    if len(dates) < 2:
        return response.headers
    kept: list[tuple[str, str]] = []
    for name, value in response.headers:
        if name.lower() != "date":
            kept.append((name, value))
        elif dates:
            kept.append((name, dates[-1]))
            dates = []
    return tuple(kept)
