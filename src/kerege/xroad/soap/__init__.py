"""SOAP messages: the X-Road header, the fault, and envelopes written again or anew.

Rules (PR-MESS, `SaxSoapParserImpl.java`, `SoapUtils.java`):

* SOAP 1.1, ``text/xml`` or ``application/xop+xml``. The bytes that are signed are
  the bytes received; parsing never changes them.
* Header: client, service, id and protocolVersion (``4.``) are required; userId,
  issue, representedParty, securityServer and requestHash may be there; nothing may
  be there twice. Other header elements are none of our business, but for the
  securityToken (PR-SECTOKEN), which applications may want to read and write.
* Body: one child, whose local name starts with the service code.
* A message whose Body has a Fault is a fault and needs no header.
* A DOCTYPE is refused, and XInclude; no entity is expanded. Size, depth and numbers
  are bounded.
* A request goes to the service as it came. The service's answer is written again by
  the provider's server, with the hash of the request in its header.

What a server does with them, in its order::

    request = read(content, content_type)               # SoapMessage, or a fault
    check_soap_action(headers.get("SOAPAction"))
    digest = request_hash(content)
    answer = add_request_hash(content2, type2, digest)  # provider: Answer, or a fault
    check_consistency(request, response)                # consumer
    check_request_hash(response, content)

`write` makes an envelope from a `SoapMessage`; `answer_to` one from a request, for
services that the server has itself; `without_body` the one that is logged where bodies
must not be. `write_fault` makes a fault.
"""

from kerege.xroad.soap._action import MAX_SOAP_ACTION_CHARACTERS, check_soap_action
from kerege.xroad.soap._fault import read_fault, write_fault
from kerege.xroad.soap._message import (
    REQUEST_HASH_ALGORITHM,
    SecurityToken,
    SoapMessage,
    check_consistency,
    check_request_hash,
    read,
    request_hash,
    require_soap_type,
)
from kerege.xroad.soap._names import (
    ENVELOPE_NAMESPACE,
    MAX_DEPTH,
    MAX_ELEMENTS,
    MAX_FAULT_BYTES,
    MAX_FAULT_CODE_CHARACTERS,
    MAX_FAULT_TEXT_CHARACTERS,
    MAX_HEADER_ELEMENTS,
    MAX_SOAP_BYTES,
    REPRESENTATION_NAMESPACE,
    SECURITY_TOKEN_NAMESPACE,
    XROAD_NAMESPACE,
)
from kerege.xroad.soap._rewrite import Answer, add_request_hash, utf8_content_type
from kerege.xroad.soap._write import answer_to, response_to, without_body, write

__all__ = [
    "ENVELOPE_NAMESPACE",
    "MAX_DEPTH",
    "MAX_ELEMENTS",
    "MAX_FAULT_BYTES",
    "MAX_FAULT_CODE_CHARACTERS",
    "MAX_FAULT_TEXT_CHARACTERS",
    "MAX_HEADER_ELEMENTS",
    "MAX_SOAP_ACTION_CHARACTERS",
    "MAX_SOAP_BYTES",
    "REPRESENTATION_NAMESPACE",
    "REQUEST_HASH_ALGORITHM",
    "SECURITY_TOKEN_NAMESPACE",
    "XROAD_NAMESPACE",
    "Answer",
    "SecurityToken",
    "SoapMessage",
    "add_request_hash",
    "answer_to",
    "check_consistency",
    "check_request_hash",
    "check_soap_action",
    "read",
    "read_fault",
    "request_hash",
    "require_soap_type",
    "response_to",
    "utf8_content_type",
    "without_body",
    "write",
    "write_fault",
]
