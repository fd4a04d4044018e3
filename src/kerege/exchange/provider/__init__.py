"""For services behind a Security Server: who asks, and whether to believe it.

A Security Server tells a REST service in HTTP headers who calls it. Any browser can send
the same headers, so they are believed only on connections from one's own Security
Server. `XRoadWSGI` and `XRoadASGI` stand around an application of any framework, judge
the connection, and hand the application the headers as one frozen value::

    application = XRoadWSGI(application, LoopbackListener(port=8001))     # Flask, Django
    app.add_middleware(XRoadASGI, trust=LoopbackListener(port=8001))      # FastAPI
    headers_of(request).client

Rules:

* Deny by default: what cannot be told to be one's own Security Server gets a 403 that
  says why, and the application never sees it.
* No framework is imported here. `fastapi` and `uvicorn` beside this module are for those
  who have them.
* Headers of SOAP messages are in the envelope: ``XRoadWSGI(..., required=False)`` judges
  the connection, and `XRoadHeaders.of_envelope` reads them.
"""

from kerege.exchange.provider.asgi import XRoadASGI
from kerege.exchange.provider.django import django_middleware
from kerege.exchange.provider.headers import NoXRoadHeadersError, XRoadHeaders
from kerege.exchange.provider.trust import (
    Connection,
    LoopbackListener,
    MutualTLS,
    NotBelievedError,
    Trust,
)
from kerege.exchange.provider.views import headers_of
from kerege.exchange.provider.wsgi import XRoadWSGI

__all__ = [
    "Connection",
    "LoopbackListener",
    "MutualTLS",
    "NoXRoadHeadersError",
    "NotBelievedError",
    "Trust",
    "XRoadASGI",
    "XRoadHeaders",
    "XRoadWSGI",
    "django_middleware",
    "headers_of",
]
