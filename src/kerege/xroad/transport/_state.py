"""The order of the parts of a message, as a table.

Two rules for this file: it owns every transition, and it does nothing else.

Order (facts of `ProxyMessageDecoder.java`)::

    EXPECT_MESSAGE   OCSP responses, then the message: SOAP, or a REST block, or a
                     fault in its place
    AFTER_SOAP       attachments (one nested multipart)
    AFTER_REST       the REST body
    AFTER_BODY       hash chain result
    AFTER_RESULT     hash chain
    AFTER_CHAIN      signature
    COMPLETE         nothing

What is optional may be skipped: after a message the hash chain result, or at once the
signature, may follow. A fault may stand wherever the signature may, and instead of
the message. The reference also lets a hash chain come without its result and the
other way round; nobody sends that and no verifier could use it, so the table has not.
"""

from enum import Enum, auto


class PartKind(Enum):
    """What a part is, by its media type."""

    OCSP_RESPONSE = "application/ocsp-response"
    REST_REQUEST = "application/x-road-rest-request"
    REST_RESPONSE = "application/x-road-rest-response"
    REST_BODY = "application/x-road-rest-body"
    ATTACHMENTS = "multipart/mixed"
    HASH_CHAIN_RESULT = "application/hash-chain-result"
    HASH_CHAIN = "application/hash-chain"
    SIGNATURE = "signature/bdoc-1.0/ts"
    XML = "text/xml"
    """SOAP message or fault: the place and the content decide."""
    XOP = "application/xop+xml"

    __hash__ = object.__hash__  # enum's own is written in Python: 3 us a message


class State(Enum):
    """What was read so far."""

    EXPECT_MESSAGE = auto()
    AFTER_SOAP = auto()
    AFTER_REST = auto()
    AFTER_BODY = auto()
    AFTER_RESULT = auto()
    AFTER_CHAIN = auto()
    COMPLETE = auto()

    __hash__ = object.__hash__


KINDS = {kind.value: kind for kind in PartKind}

_SIGNED = {PartKind.SIGNATURE: State.COMPLETE, PartKind.XML: State.COMPLETE}
_CHAINED = {PartKind.HASH_CHAIN_RESULT: State.AFTER_RESULT, **_SIGNED}

TRANSITIONS: dict[State, dict[PartKind, State]] = {
    State.EXPECT_MESSAGE: {
        PartKind.OCSP_RESPONSE: State.EXPECT_MESSAGE,
        PartKind.REST_REQUEST: State.AFTER_REST,
        PartKind.REST_RESPONSE: State.AFTER_REST,
        PartKind.XML: State.AFTER_SOAP,
        PartKind.XOP: State.AFTER_SOAP,
    },
    State.AFTER_SOAP: {PartKind.ATTACHMENTS: State.AFTER_BODY, **_CHAINED},
    State.AFTER_REST: {PartKind.REST_BODY: State.AFTER_BODY, **_CHAINED},
    State.AFTER_BODY: _CHAINED,
    State.AFTER_RESULT: {PartKind.HASH_CHAIN: State.AFTER_CHAIN},
    State.AFTER_CHAIN: _SIGNED,
    State.COMPLETE: {},
}
"""State and part to the next state. What is not in the table is refused."""
