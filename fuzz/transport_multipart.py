"""Fuzz the reader of messages between servers.

    python fuzz/transport_multipart.py [--seconds 600] [--seed 1] [corpus folder]

With atheris in the environment (``pip install atheris``; it is not among the pinned
requirements) coverage leads the search, and libFuzzer's own options may be given.
Without it the same function gets random mutations of the corpus. `one_input` is the
entry for any other fuzzer. A finding ends the run with a traceback and, with atheris, a
``crash-*`` file.

What must hold for any bytes:

* nothing but `XRoadError` is raised, and only with the codes that are documented;
* the message means the same however it is cut into pieces (of several faults in one
  message, the one that is reported may be another);
* nothing collected is larger than its bound.
"""

import argparse
import random
import sys
import tempfile
import time
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path

from kerege.xroad import transport
from kerege.xroad.faults import XRoadError, soap_fault
from kerege.xroad.transport import (
    MAX_OCSP_RESPONSES,
    BodyData,
    Event,
    Message,
    MessageKind,
    MessageReader,
    OcspResponse,
)

CODES = {
    "invalid_content_type",
    "invalid_message",
    "io_error",
    "mime_parsing_failed",
    "missing_rest",
    "missing_signature",
    "missing_soap",
}
"""Those of `MessageReader`; `RELAYED` are what a SOAP envelope may add."""
RELAYED = (
    "duplicate_header_field",
    "inconsistent_headers",
    "invalid_body",
    "invalid_protocol_version",
    "invalid_soap",
    "invalid_xml",
    "missing_body",
    "missing_header",
    "missing_header_field",
    "malformed_soap",
    "internal_error",
    "invalid_client_identifier",
)
KINDS = (None, *MessageKind)
BOUNDARY = "xtopFuzz"
BODY_BYTES = 4096


def one_input(data: bytes) -> None:
    """Read one input, whole and in pieces. The first byte chooses how."""
    if len(data) < 2:
        return
    expects = KINDS[data[0] % len(KINDS)]
    is_bare_allowed = bool(data[0] & 64)
    step = 1 + data[1] % 61
    line, _, body = data[2:].partition(b"\n")
    content_type = line.decode("latin-1")
    whole = read(content_type, expects, [body], allow_bare_fault=is_bare_allowed)
    pieces = [body[at : at + step] for at in range(0, len(body), step)]
    cut = read(content_type, expects, pieces, allow_bare_fault=is_bare_allowed)
    if whole != cut:
        msg = f"cut into {step} it means {cut!r}, whole {whole!r}"
        raise AssertionError(msg)


def read(
    content_type: str,
    expects: MessageKind | None,
    pieces: list[bytes],
    *,
    allow_bare_fault: bool,
) -> list[Event] | None:
    """Return the events, body data joined; None if it was refused."""
    events: list[Event] = []
    try:
        reader = MessageReader(
            content_type,
            expects=expects,
            allow_bare_fault=allow_bare_fault,
            max_body_bytes=BODY_BYTES,
        )
        for piece in pieces:
            events += reader.receive_data(piece)
        events += reader.receive_eof()
    except XRoadError as error:
        if error.code not in CODES and error.code not in RELAYED:
            raise
        _bounded(events)
        return None
    return _bounded(events)


def _bounded(events: list[Event]) -> list[Event]:
    joined: list[Event] = []
    for event in events:
        last = joined[-1] if joined else None
        if isinstance(event, BodyData) and isinstance(last, BodyData):
            joined[-1] = BodyData(last.data + event.data)
        else:
            joined.append(event)
    assert sum(isinstance(e, OcspResponse) for e in joined) <= MAX_OCSP_RESPONSES
    assert sum(isinstance(e, Message) for e in joined) <= 1
    assert sum(len(e.data) for e in joined if isinstance(e, BodyData)) <= BODY_BYTES
    return joined


def corpus() -> dict[str, bytes]:
    """Return inputs to begin with: messages as our own server writes them."""
    block = b"GET\r\n/r1/I/C/M/S/svc\r\nX-Road-Client:I/C/M/S\r\nx-road-id:1\r\n"
    fault = soap_fault(XRoadError("server.serverproxy.access_denied", "No", detail="d"))
    first = transport.ocsp_part(BOUNDARY, b"\x30\x03\x0a\x01\x06")
    request = transport.message_part(BOUNDARY, MessageKind.REST_REQUEST, block)
    answer = transport.message_part(
        BOUNDARY, MessageKind.REST_RESPONSE, b"200\r\nOK\r\nx-road-id:1\r\n"
    )
    body = transport.body_part(BOUNDARY, b"body")
    chain = transport.hash_chain_parts(BOUNDARY, b"<r/>", b"<c/>")
    seal = transport.signature_part(BOUNDARY, b"<s/>")
    end = transport.closing(BOUNDARY)
    head = b"%b" + transport.content_type(BOUNDARY).encode() + b"\n"
    return {
        "request": head % b"\2\7" + first + request + seal + end,
        "request-body": head % b"\2\1" + first + request + body + chain + seal + end,
        "answer": head % b"\3\3" + answer + seal + end,
        "answer-body": head % b"\3\2" + answer + body + chain + seal + end,
        "fault-inside": head % b"\3\5"
        + answer
        + transport.fault_part(BOUNDARY, fault)
        + end,
        "fault-alone": b"\x43\5text/xml; charset=UTF-8\n" + fault,
        "lf-only": head % b"\2\7" + (first + request + end).replace(b"\r\n", b"\n"),
    }


def without_coverage(seconds: float, seed: int, inputs: list[bytes]) -> int:
    """Mutate the corpus at random; return the number of inputs tried."""
    rng = random.Random(seed)  # noqa: S311 - to be repeated, not to be secret
    end, count = time.monotonic() + seconds, 0
    while time.monotonic() < end:
        data = bytearray(rng.choice(inputs))
        for _ in range(rng.choice([1, 1, 2, 4, 8])):
            at = rng.randrange(len(data) + 1)
            action, size = rng.randrange(4), rng.choice([1, 1, 2, 8, 64])
            if action == 0 and at < len(data):
                data[at] ^= 1 << rng.randrange(8)
            elif action == 1:
                del data[at : at + size]
            elif action == 2:
                data[at:at] = data[at - size : at] or b"--"
            else:
                data[at : at + size] = rng.choice(
                    [b"\r\n", b"\n", b"--", b"--" + BOUNDARY.encode(), b"\0", b" "]
                )
        one_input(bytes(data))
        count += 1
    return count


def main() -> int:
    """Run until the time is over."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=600)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("corpus", type=Path, nargs="?")
    chosen, others = parser.parse_known_args()
    folder = chosen.corpus or Path(tempfile.mkdtemp(prefix="kerege-fuzz-"))
    folder.mkdir(parents=True, exist_ok=True)
    for name, data in corpus().items():
        (folder / name).write_bytes(data)
    if find_spec("atheris") is None:
        inputs = [path.read_bytes() for path in folder.iterdir()]
        count = without_coverage(chosen.seconds, chosen.seed, inputs)
        sys.stdout.write(f"{count} inputs, no finding (without coverage)\n")
        return 0
    atheris = import_module("atheris")
    atheris.instrument_all()
    options = [f"-max_total_time={int(chosen.seconds)}", f"-seed={chosen.seed}"]
    atheris.Setup(
        [sys.argv[0], *options, "-print_final_stats=1", *others, str(folder)], one_input
    )
    atheris.Fuzz()
    return 0


if __name__ == "__main__":
    sys.exit(main())
