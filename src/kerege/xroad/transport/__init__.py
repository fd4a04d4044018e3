"""Messages between Security Servers: a MIME multipart, read and written.

Rules (PR-MESSTRANSP, `ProxyMessageEncoder.java`, `ProxyMessageDecoder.java`):

* ``POST /`` with ``multipart/mixed``; the parts, in order: OCSP responses of the
  sender (requests only); SOAP envelope or REST block; attachments as a nested
  multipart, or REST body; hash chain result and hash chain (batch signature);
  signature, or a SOAP fault in its place. See `State` and `TRANSITIONS`.
* A REST body is ``/attachment1`` in signatures, SOAP attachments are numbered.
* A lone ``text/xml`` answer is a fault, never a message.

`MessageReader` takes bytes in any pieces and yields checked parts; bodies pass
through it, everything else is collected up to a bound. The functions that write
return bytes and never keep anything.
"""

from kerege.xroad.soap import MAX_FAULT_BYTES, MAX_SOAP_BYTES
from kerege.xroad.transport._boundaries import BoundaryWatch
from kerege.xroad.transport._content_type import media_type, parameter
from kerege.xroad.transport._encoder import (
    PART_ENDED,
    attachment_began,
    attachments_began,
    attachments_ended,
    body_began,
    body_part,
    closing,
    content_type,
    fault_part,
    hash_chain_parts,
    message_part,
    ocsp_part,
    signature_part,
)
from kerege.xroad.transport._events import (
    AttachmentBegan,
    AttachmentEnded,
    BodyData,
    Event,
    Fault,
    HashChain,
    HashChainResult,
    Message,
    MessageKind,
    OcspResponse,
    Signature,
)
from kerege.xroad.transport._multipart import (
    Finished,
    Headers,
    MultipartEvent,
    MultipartParser,
    PartBegan,
    PartData,
    PartEnded,
    find_header,
)
from kerege.xroad.transport._reader import (
    MAX_HASH_CHAIN_BYTES,
    MAX_OCSP_BYTES,
    MAX_OCSP_RESPONSES,
    MAX_SIGNATURE_BYTES,
    MessageReader,
    boundary_of,
)
from kerege.xroad.transport._service import (
    attachment_for_service_began,
    attachments_for_service_ended,
    service_content_type,
    soap_for_service,
)
from kerege.xroad.transport._soap_reader import (
    Envelope,
    SoapEvent,
    SoapReader,
    require_plain,
    require_root,
    require_uncut,
)
from kerege.xroad.transport._state import TRANSITIONS, PartKind, State

__all__ = [
    "MAX_FAULT_BYTES",
    "MAX_HASH_CHAIN_BYTES",
    "MAX_OCSP_BYTES",
    "MAX_OCSP_RESPONSES",
    "MAX_SIGNATURE_BYTES",
    "MAX_SOAP_BYTES",
    "PART_ENDED",
    "TRANSITIONS",
    "AttachmentBegan",
    "AttachmentEnded",
    "BodyData",
    "BoundaryWatch",
    "Envelope",
    "Event",
    "Fault",
    "Finished",
    "HashChain",
    "HashChainResult",
    "Headers",
    "Message",
    "MessageKind",
    "MessageReader",
    "MultipartEvent",
    "MultipartParser",
    "OcspResponse",
    "PartBegan",
    "PartData",
    "PartEnded",
    "PartKind",
    "Signature",
    "SoapEvent",
    "SoapReader",
    "State",
    "attachment_began",
    "attachment_for_service_began",
    "attachments_began",
    "attachments_ended",
    "attachments_for_service_ended",
    "body_began",
    "body_part",
    "boundary_of",
    "closing",
    "content_type",
    "fault_part",
    "find_header",
    "hash_chain_parts",
    "media_type",
    "message_part",
    "ocsp_part",
    "parameter",
    "require_plain",
    "require_root",
    "require_uncut",
    "service_content_type",
    "signature_part",
    "soap_for_service",
]
