"""Reading the next signature of a signer whose last one was parsed.

From one message to the next change the digest of what is signed, that of the
SignedProperties, the value, and the time. `SignatureForm.of` finds where they stand in
a parsed document and in its two canonical forms, and proves it: it fills in other
values and has the parser read them. See `kerege.xroad.skeleton` for the rules.
"""

import binascii
import re
from dataclasses import dataclass
from datetime import datetime

from kerege.xroad.algorithms import SHA512
from kerege.xroad.faults import XRoadError
from kerege.xroad.signature._parse import ParsedSignature, Reference, parse_signature
from kerege.xroad.signature._template import written_time
from kerege.xroad.skeleton import Skeleton

_TIME = re.compile(rb"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}\.[0-9]{3}Z")
_OTHER_TIME = b"2001-02-03T04:05:06.789Z"


@dataclass(frozen=True, slots=True)
class SignatureForm:
    """The signatures of one signer, until something about them changes."""

    document: Skeleton
    signed_info: Skeleton
    """Of the canonical form, with both digests as slots."""
    properties: Skeleton
    """Of the canonical form, with the time as slot."""
    example: ParsedSignature

    @classmethod
    def of(cls, data: bytes, parsed: ParsedSignature) -> "SignatureForm | None":
        """Return the form of a parsed document.

        None if it is not of the usual kind: one document signed, a time in UTC with
        milliseconds, values without line breaks.
        """
        if len(parsed.documents) != 1:
            return None
        (reference,) = parsed.documents.values()
        digests = [_base64(reference.value), _base64(parsed.properties_reference.value)]
        time = written_time(parsed.signing_time)
        values = [*digests, _base64(parsed.signature_value), time]
        document = Skeleton.of(data, values)
        signed_info = Skeleton.of(parsed.signed_info, digests)
        properties = Skeleton.of(parsed.properties, [time])
        if document is None or signed_info is None or properties is None:
            return None
        form = cls(document, signed_info, properties, parsed)
        return form if form._is_proven(values) else None

    def read(self, document: bytes) -> ParsedSignature | None:
        """Return what `parse_signature` would; None if it must be asked."""
        values = self.document.read(document)
        if values is None:
            return None
        signed, properties_digest, value, time = values
        digest, properties_value = _decoded(signed), _decoded(properties_digest)
        signature_value, moment = _decoded(value), _moment(time)
        if not (digest and properties_value and signature_value and moment):
            return None
        like = self.example
        (reference,) = like.documents.values()
        properties_reference = like.properties_reference
        return ParsedSignature(
            documents={
                reference.uri: Reference(reference.uri, reference.digest, digest)
            },
            algorithm=like.algorithm,
            signature_value=signature_value,
            signed_info=self.signed_info.filled((signed, properties_digest)),
            properties=self.properties.filled((time,)),
            properties_reference=Reference(
                properties_reference.uri, properties_reference.digest, properties_value
            ),
            certificate=like.certificate,
            certificates=like.certificates,
            ocsp_values=like.ocsp_values,
            timestamp=like.timestamp,
            signing_time=moment,
        )

    def _is_proven(self, values: list[bytes]) -> bool:
        """Whether the parser finds other values where this form says they are."""
        others = [_other(value) for value in values[:3]] + [_OTHER_TIME]
        probe = self.document.filled(others)
        try:
            return self.read(probe) == parse_signature(probe)
        except XRoadError:
            return False


def _base64(value: bytes) -> bytes:
    return binascii.b2a_base64(value, newline=False)


def _decoded(text: bytes) -> bytes | None:
    """Return the bytes of base64 in canonical form, else None."""
    try:
        value = binascii.a2b_base64(text, strict_mode=True)
    except ValueError:
        return None
    return value if value and _base64(value) == text else None


def _other(text: bytes) -> bytes:
    """Return other base64 of the same length, different in about every character."""
    size = len(binascii.a2b_base64(text))
    blocks = range((size + 63) // 64)
    value = b"".join(SHA512.of(text + bytes([block])) for block in blocks)
    return _base64(value[:size])


def _moment(text: bytes) -> datetime | None:
    if not _TIME.fullmatch(text):
        return None
    try:
        return datetime.fromisoformat(text.decode())
    except ValueError:
        return None
