"""The X-Road headers as a dependency of FastAPI.

    @app.get("/address/{pin}")
    def address(pin: str, xroad: Caller) -> Address: ...

The application needs ``app.add_middleware(XRoadASGI, trust=...)`` too.
"""

from typing import Annotated

from fastapi import Depends, Request

from kerege.exchange.provider.headers import XRoadHeaders
from kerege.exchange.provider.views import headers_of


def _headers(request: Request) -> XRoadHeaders:
    return headers_of(request)


Caller = Annotated[XRoadHeaders, Depends(_headers)]
"""Who asks: the type of a view's argument."""
