"""What reading and writing SOAP envelopes costs, in microseconds of processor time.

    python -m bench.envelopes

reads requests and writes answers again, of several sizes, each the best of many runs;
beside it lxml, which makes a tree of the same bytes. The last line is the memory that
the largest one takes, in a process of its own.
"""

import multiprocessing
import resource
import time
from collections.abc import Callable

from lxml import etree

from kerege.xroad import soap
from kerege.xroad.identifiers import ClientId, ServiceId
from kerege.xroad.soap import SoapMessage

_TYPE = "text/xml; charset=UTF-8"
_ROW = b'<row><a>12345</a><b x="1">hello</b></row>\n'
_ROWS = (1, 250, 25_000, 350_000)
_MEASURED_SECONDS = 1.0
_REQUEST = SoapMessage(
    client_id=ClientId("TEST", "COM", "1234", "Client"),
    service_id=ServiceId("TEST", "GOV", "5678", "Service", "getState", "v1"),
    query_id="411d6755661409fed365ad8135f8210be07613da",
    protocol_version="4.0",
    body_element="getState",
    user_id="EE37702211234",
)


def envelope(rows: int, name: str = "getState") -> bytes:
    """Return a message with so many rows of 43 bytes in its Body."""
    body = b"<%b>%b</%b>" % (name.encode(), _ROW * rows, name.encode())
    message = soap.response_to(_REQUEST) if name != "getState" else _REQUEST
    return soap.write(message, body)


def best(function: Callable[[], object]) -> float:
    """Return the shortest run in microseconds."""
    found, end = float("inf"), time.monotonic() + _MEASURED_SECONDS
    while time.monotonic() < end:
        started = time.perf_counter()
        function()
        found = min(found, time.perf_counter() - started)
    return found * 1e6


def _memory(rows: int, *, tree: bool) -> float:
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        return pool.apply(_grown, (rows, tree))


def _grown(rows: int, tree: bool) -> float:  # noqa: FBT001 - a process's arguments
    content = envelope(rows)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    kept = etree.fromstring(content) if tree else soap.read(content, _TYPE)
    grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    del kept
    return grown / 1024


def main() -> None:
    """Print the table."""
    print(f"{'bytes':>10} {'read':>9} {'answer':>9} {'write':>9} {'lxml':>9}")
    for rows in _ROWS[:-1]:
        request, answer = envelope(rows), envelope(rows, "getStateResponse")
        digest = soap.request_hash(request)
        columns = (
            best(lambda r=request: soap.read(r, _TYPE)),
            best(lambda a=answer, d=digest: soap.add_request_hash(a, _TYPE, d)),
            best(lambda: soap.write(_REQUEST)),
            best(lambda r=request: etree.fromstring(r)),
        )
        print(f"{len(request):>10} " + " ".join([f"{c:>9.0f}" for c in columns]))
    rows = _ROWS[-1]
    ours, theirs = _memory(rows, tree=False), _memory(rows, tree=True)
    print(
        f"memory for {len(envelope(rows))} bytes: {ours:.0f} MiB, lxml {theirs:.0f} MiB"
    )


if __name__ == "__main__":
    main()
