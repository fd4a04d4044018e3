"""The log record of a message, the same on both sides."""

from datetime import datetime
from typing import NamedTuple

from kerege.exchange.messagelog import Direction, LogRecord
from kerege.exchange.security_server.asked import Asked
from kerege.exchange.spool import Spool
from kerege.xroad.signature import SignatureData


class Signed(NamedTuple):
    """A block or an envelope, with its signature and its body."""

    block: bytes
    signature: SignatureData
    body: Spool | None
    attachments: tuple[Spool, ...] = ()
    """Of a SOAP message."""


def log_record(
    request: Asked,
    signed: Signed,
    direction: Direction,
    *,
    client_side: bool,
    time: datetime,
) -> LogRecord:
    """Return the record of ``request``, or of the response to it."""
    return LogRecord(
        direction=direction,
        client_side=client_side,
        query_id=request.query_id,
        x_request_id=request.request_id or "",
        client_id=request.client_id,
        service_id=request.service_id,
        message=signed.block,
        signature=signed.signature.signature,
        hash_chain_result=signed.signature.hash_chain_result,
        hash_chain=signed.signature.hash_chain,
        body=signed.body,
        attachments=signed.attachments,
        time=time,
    )
