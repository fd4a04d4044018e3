"""What `kerege call` prints: answers, faults, and why there is no answer."""

import base64
import json
import sys
from typing import NoReturn

from kerege.cli.failures import Failure
from kerege.cli.output import print_json
from kerege.exchange.client import (
    ClientRequestFault,
    OwnServerFault,
    ProviderServerFault,
    Response,
    ServiceFault,
    TransportFault,
    XRoadCallError,
    XRoadFault,
)


class FaultFailure(Failure):
    """A security server on the way refused or failed."""

    exit_code = 3


class NoAnswerFailure(Failure):
    """Our own server cannot be reached, or gave no whole answer."""

    exit_code = 4


_WHOSE: dict[type[XRoadFault], str] = {
    ClientRequestFault: "our request is wrong",
    OwnServerFault: "our own security server refused or failed",
    TransportFault: "our security server cannot reach the provider's",
    ProviderServerFault: "the provider's security server refused or failed",
    ServiceFault: "the provider's security server cannot use its service",
}


def print_answer(answer: Response, *, include: bool, as_json: bool) -> None:
    """Print an answer: its body, or everything."""
    if as_json:
        print_json(_answer_fields(answer))
        return
    out = sys.stdout.buffer
    if include:
        out.write(f"{answer.status} {answer.reason}\n".encode())
        for name, value in answer.headers.items():
            out.write(f"{name}: {value}\n".encode(errors="surrogateescape"))
        out.write(b"\n")
    out.write(answer.content)
    if answer.content and not answer.content.endswith(b"\n") and out.isatty():
        out.write(b"\n")
    out.flush()


def print_fault(fault: XRoadFault) -> None:
    """Print a fault as JSON."""
    fields = {
        "code": fault.code,
        "message": fault.text,
        "detail": fault.detail,
        "kind": type(fault).__name__,
        "advice": fault.advice,
    }
    print_json({"fault": fields, "query_id": fault.query_id})


def say_fault(fault: XRoadFault) -> Failure:
    """Return the lines for a fault."""
    whose = _WHOSE.get(type(fault), "a security server on the way failed")
    return FaultFailure(
        f"X-Road fault, {whose}: {fault.code}",
        why=f"{fault.text} (query id {fault.query_id}, detail {fault.detail or '-'})",
        advice=fault.advice,
    )


def print_no_answer(error: XRoadCallError) -> None:
    """Print why there is no answer as JSON."""
    fields = {
        "message": error.message,
        "kind": type(error).__name__,
        "advice": error.advice,
    }
    print_json({"no_answer": fields, "query_id": error.query_id})


def say_no_answer(error: XRoadCallError) -> Failure:
    """Return the lines for a call without an answer."""
    return NoAnswerFailure(
        error.message, why=f"Query id {error.query_id}", advice=error.advice
    )


def _answer_fields(answer: Response) -> dict[str, object]:
    return {
        "status": answer.status,
        "reason": answer.reason,
        "query_id": answer.query_id,
        "request_id": answer.request_id,
        "request_hash": answer.request_hash,
        "headers": dict(answer.headers),
        **_body_fields(answer.content),
    }


def _body_fields(content: bytes) -> dict[str, object]:
    """Return the body as JSON, text or base64, whichever it is first."""
    try:
        text = content.decode()
    except UnicodeDecodeError:
        return {"body_base64": base64.b64encode(content).decode()}
    try:
        body = json.loads(text, parse_constant=_no_constant)
        json.dumps(
            [[[body]]], indent=2
        )  # what nests too deeply cannot be written again
    except (ValueError, RecursionError):
        return {"body": text}
    return {"body": body}


def _no_constant(name: str) -> NoReturn:
    """Refuse NaN and Infinity, which Python reads and JSON does not have."""
    raise ValueError(name)
