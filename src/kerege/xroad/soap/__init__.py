"""SOAP messages, reading only: the X-Road header, the fault, the checks between them.

Rules (PR-MESS, `SaxSoapParserImpl.java`, `SoapUtils.java`):

* SOAP 1.1, ``text/xml`` or ``application/xop+xml``. The bytes that are signed are
  the bytes received; parsing never changes them.
* Header: client, service, id and protocolVersion (``4.``) are required; userId,
  issue, representedParty, securityServer and requestHash may be there; nothing may
  be there twice. Other header elements are none of our business.
* Body: one child, whose local name starts with the service code.
* A message whose Body has a Fault is a fault and needs no header.
* A DOCTYPE is refused, entities are not expanded.
"""

from kerege.xroad.soap._read import (
    ENVELOPE_NAMESPACE,
    REPRESENTATION_NAMESPACE,
    XROAD_NAMESPACE,
    SoapMessage,
    check_consistency,
    read,
    read_fault,
)

__all__ = [
    "ENVELOPE_NAMESPACE",
    "REPRESENTATION_NAMESPACE",
    "XROAD_NAMESPACE",
    "SoapMessage",
    "check_consistency",
    "read",
    "read_fault",
]
