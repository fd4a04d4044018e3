"""Calls a SOAP service with pyxroad. Arguments: server, client, service, WSDL, code.

pyxroad asks the Security Server for `/wsdl`, which X-Road 7 does not have any more; so
the WSDL is a file here. The call itself goes as pyxroad sends it: to the address in the
WSDL, with the Security Server as HTTP proxy.
"""

import json
import sys
from pathlib import Path

from XRoad import XClient
from zeep.transports import Transport


class FromFile(Transport):
    def __init__(self, path: str) -> None:
        super().__init__()
        self.path = path

    def load(self, url: str) -> bytes:
        return Path(self.path).read_bytes()


def main() -> None:
    server, client, service, wsdl, code = sys.argv[1:]
    xroad = XClient(server, client, service, transport=FromFile(wsdl))
    answer = xroad.request(xroad_id="pyxroad-1", code=code)
    fields = answer.get("body", answer)
    found = {name: fields[name] for name in ("name", "households")}
    sys.stdout.write(json.dumps(found))


if __name__ == "__main__":
    main()
