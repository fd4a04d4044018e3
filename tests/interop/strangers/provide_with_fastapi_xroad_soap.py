"""A SOAP service made with fastapi-xroad-soap, on a socket that is handed in.

Argument: the descriptor of a listening socket.
"""

import sys

import uvicorn
from fastapi_xroad_soap import MessageBody, SoapService, XroadHeader
from fastapi_xroad_soap.elements import Integer, String
from fastapi_xroad_soap.faults import ClientFault

soap = SoapService(path="/service", this_namespace="urn:villages")


class villageFact(MessageBody):  # noqa: N801 - the name of its element
    code = String()


class villageFactResponse(MessageBody):  # noqa: N801 - likewise
    name = String()
    households = Integer()


@soap.action("villageFact")
def village_fact(body: villageFact, header: XroadHeader) -> villageFactResponse:
    if body.code == "0":
        raise ClientFault("There is no such village")
    name = f"{body.code} for {header.client.subsystem_code}"
    return villageFactResponse(name=name, households=24)


if __name__ == "__main__":
    uvicorn.run(soap, fd=int(sys.argv[1]), log_level="warning")
