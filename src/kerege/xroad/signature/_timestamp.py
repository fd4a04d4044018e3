"""Putting a time-stamp into a finished signature.

Rule (`Signature.java`, addSignatureTimestamp): ``SignatureTimeStamp`` becomes the first
child of ``UnsignedSignatureProperties``; it has no Include and no canonicalization.
"""

import base64
import re

from kerege.xroad.faults import XRoadError

_PLACE = re.compile(
    rb"<(?:(?P<prefix>[A-Za-z_][\w.-]*):)?UnsignedSignatureProperties(?:\s[^<>]*)?>"
)
"""The start tag, with the prefix of the XAdES namespace."""


def with_signature_timestamp(signature: bytes, token: bytes) -> bytes:
    """Return the signature with a time-stamp token over its SignatureValue.

    Works on bytes, so everything that is signed stays as it is.

    Args:
        signature: A signature document that was verified or built here.
        token: The RFC 3161 token, DER.

    Raises:
        XRoadError: ``malformed_signature`` if there is not exactly one place for it.
    """
    places = list(_PLACE.finditer(signature))
    if len(places) != 1 or places[0].group().endswith(b"/>"):
        raise XRoadError(
            "malformed_signature",
            "There is no place for a time-stamp: the signature needs one element "
            "UnsignedSignatureProperties with content",
        )
    place = places[0]
    prefix = place["prefix"] + b":" if place["prefix"] else b""
    element = (
        b"<%bSignatureTimeStamp><%bEncapsulatedTimeStamp>%b</%bEncapsulatedTimeStamp>"
        b"</%bSignatureTimeStamp>"
        % (prefix, prefix, base64.b64encode(token), prefix, prefix)
    )
    return signature[: place.end()] + element + signature[place.end() :]
