"""Call a service of another organisation through one's own Security Server.

    with Client("http://127.0.0.11:8080", "central-server/GOV/70000001/portal") as xroad:
        answer = xroad.get(
            "central-server/GOV/70000050/sanaripaymak-service/address-fact",
            path=(pin,),
        )
        answer.raise_for_status()
        address = answer.json()

`AsyncClient` is the same with ``await``. Bodies may be files and iterators, and
`Client.stream` gives an answer in chunks: both ways in memory for one chunk. `soap` calls
SOAP services, with attachments; `kerege.exchange.client.zeep` is a transport for zeep. What can go wrong is in `errors`: a fault of
X-Road is raised and says who has to act; an error status of the service is an answer.

Rules:

* Nothing here writes to a log, and no error shows a path, a query or a body: they hold
  personal data.
* Redirects are not followed, cookies are not kept, nothing is sent twice: each call is
  one signed message that somebody may ask about.
"""

from kerege.exchange.client.aio import MAX_ANSWER_BYTES, AsyncClient
from kerege.exchange.client.blocking import Client, StreamedResponse
from kerege.exchange.client.errors import (
    AnswerTimedOut,
    AnswerTooLarge,
    ClientRequestFault,
    NoAnswer,
    NotAnXRoadAnswer,
    OwnServerFault,
    ProviderServerFault,
    SecurityServerUnreachable,
    ServiceFault,
    ServiceSoapFault,
    ServiceStatusError,
    TransportFault,
    XRoadCallError,
    XRoadFault,
)
from kerege.exchange.client.exchanging import AsyncStreamedResponse
from kerege.exchange.client.request import CallOptions
from kerege.exchange.client.response import Response
from kerege.exchange.client.soap import Attachment, SoapCall, SoapOptions
from kerege.exchange.client.soap_answer import SoapResponse
from kerege.exchange.client.tls import TLS

__all__ = [
    "MAX_ANSWER_BYTES",
    "TLS",
    "AnswerTimedOut",
    "AnswerTooLarge",
    "AsyncClient",
    "AsyncStreamedResponse",
    "Attachment",
    "CallOptions",
    "Client",
    "ClientRequestFault",
    "NoAnswer",
    "NotAnXRoadAnswer",
    "OwnServerFault",
    "ProviderServerFault",
    "Response",
    "SecurityServerUnreachable",
    "ServiceFault",
    "ServiceSoapFault",
    "ServiceStatusError",
    "SoapCall",
    "SoapOptions",
    "SoapResponse",
    "StreamedResponse",
    "TransportFault",
    "XRoadCallError",
    "XRoadFault",
]
