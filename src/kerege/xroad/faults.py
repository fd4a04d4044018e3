"""Faults: one exception with a code of the X-Road table, and its forms on the wire.

Rules (X-Road 7.8 source, `CodedException.java`, `SoapFault.java`,
`ClientRestMessageHandler.java`):

* A code is a dotted path such as ``server.serverproxy.access_denied``. Who notices
  the fault puts a prefix before the code, unless the code already starts with it.
* A REST client gets HTTP 500 if the code starts with ``server.`` (lower case), else 400.
* A SOAP client gets HTTP 200 and a SOAP 1.1 fault.
* A fault that a peer sent is relayed with the spelling that the peer used.
"""

import json
import re

from kerege.xroad._fault_codes import (
    LEGACY_PREFIXES,
    LEGACY_SPELLING,
    ONLY_IN_7_8,
)

KNOWN_CAUSES = frozenset((*LEGACY_SPELLING, *LEGACY_SPELLING.values(), *ONLY_IN_7_8))
"""The table's codes in both spellings, without the prefix of who noticed."""
CLIENT = "client"
"""The information system's request is wrong."""
CLIENT_PROXY = "server.clientproxy"
"""The consumer's Security Server noticed."""
SERVER_PROXY = "server.serverproxy"
"""The provider's Security Server noticed."""

_NOT_XML = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
"""What is no `Char` of XML 1.0, section 2.2."""

_ESCAPED = str.maketrans({"&": "&amp;", "<": "&lt;", ">": "&gt;"})
"""As `xml.sax.saxutils.escape`, whose module loads TLS and HTTP."""

XML_MEDIA_TYPES = ("text/xml", "application/xml", "text/*")


class XRoadError(Exception):
    """Something the X-Road protocol has a fault code for.

    ``code`` is in the 7.8 spelling, with or without prefix. ``message`` says what
    happened, to which thing. ``advice`` is for the operator of this server: it goes
    to logs and the command line, never onto the wire. ``detail`` is the UUID that
    identifies the occurrence; the shell that sends the fault sets it if it is empty.
    ``actor`` is the SOAP faultactor, which hardly anybody uses. ``quotes`` is the piece
    of ``message`` that is a piece of a body: callers get it, logs do not.
    """

    def __init__(
        self,
        code: str,
        message: str,
        *,
        detail: str = "",
        advice: str = "",
        actor: str = "",
        quotes: str = "",
    ) -> None:
        super().__init__(code, message)
        self.code = code
        self.message = message
        self.detail = detail
        self.advice = advice
        self.actor = actor
        self.quotes = quotes

    @property
    def unquoted(self) -> str:
        """The message without what this fault, or one that it came of, quotes."""
        text = self.message
        for fault in self.causes():
            if fault.quotes:
                text = text.replace(fault.quotes, "?")
        return text

    def causes(self) -> "list[XRoadError]":
        """Return this fault and those that it came of, each once.

        A fault may be its own cause: ``raise translated(error) from error``, where
        ``translated`` had nothing to change.
        """
        found: list[XRoadError] = []
        fault: BaseException | None = self
        while isinstance(fault, XRoadError) and not any(fault is one for one in found):
            found.append(fault)
            fault = fault.__cause__
        return found

    def __str__(self) -> str:
        return f"{self.code}: {self.message}"

    def with_prefix(self, *prefixes: str) -> "XRoadError":
        """Return this fault below ``prefixes``; ones it already has are not repeated.

        A fault that another server sent keeps its code: see `RelayedFaultError`.
        """
        code = self.code
        prefix = ".".join(prefixes)
        if code != prefix and not code.startswith(prefix + "."):
            code = f"{prefix}.{code}"
        fault = XRoadError(
            code,
            self.message,
            detail=self.detail,
            advice=self.advice,
            actor=self.actor,
        )
        fault.__cause__ = self
        return fault


class RelayedFaultError(XRoadError):
    """A fault that the peer or the service sent; it keeps the spelling it came in."""

    def __init__(
        self,
        code: str,
        message: str,
        *,
        detail: str = "",
        actor: str = "",
        xml: bytes = b"",
    ) -> None:
        super().__init__(code, message, detail=detail, actor=actor)
        self.xml = xml
        """The SOAP fault as received; SOAP clients get these bytes."""

    def with_prefix(self, *prefixes: str) -> "XRoadError":
        """Return the fault itself: only its sender may name it."""
        return self


def legacy_code(code: str) -> str:
    """Return the spelling of X-Road 7.7 and before.

    >>> legacy_code("server.serverproxy.access_denied")
    'Server.ServerProxy.AccessDenied'
    """
    if code in LEGACY_SPELLING:
        return LEGACY_SPELLING[code]
    return ".".join(
        LEGACY_PREFIXES.get(part, LEGACY_SPELLING.get(part, part))
        for part in code.split(".")
    )


_KNOWN_PARTS = {
    spelling: modern
    for modern, legacy in (LEGACY_PREFIXES | LEGACY_SPELLING).items()
    for spelling in (modern, legacy)
} | {part: part for code in ONLY_IN_7_8 for part in code.split(".")}
_MAX_PARTS = 6
"""Parts of a code: two of a prefix, and a chain of reasons."""


def known_code(code: str) -> str:
    """Return a code in the 7.8 spelling; empty if it is not made of known parts.

    A peer may send anything as a code: what is counted or shown by code goes by this.

    >>> known_code("Server.ServerProxy.AccessDenied")
    'server.serverproxy.access_denied'
    >>> known_code("server.serverproxy.no_such_thing")
    ''
    """
    parts = code.split(".", _MAX_PARTS)
    known = [_KNOWN_PARTS.get(part, "") for part in parts[:_MAX_PARTS]]
    return ".".join(known) if all(known) and len(parts) <= _MAX_PARTS else ""


def rest_status(code: str) -> int:
    """Return the HTTP status of a REST answer that carries this fault."""
    return 500 if code.startswith("server.") else 400


def rest_fault_media_type(accept: str | None) -> str:
    """Return the Content-Type of a REST fault for a request's Accept header.

    The first XML type named wins and quality values are ignored, as in the reference.
    """
    for item in (accept or "").split(","):
        media_type = item.split(";")[0].strip().lower()
        if media_type in XML_MEDIA_TYPES:
            exact = "text/xml" if media_type == "text/*" else media_type
            return f"{exact};charset=utf-8"
    return "application/json"


def rest_fault_body(fault: XRoadError, media_type: str) -> bytes:
    """Return the body of a REST fault in the form that ``media_type`` asks for."""
    if media_type.startswith("application/json"):
        fields = {"type": fault.code, "message": fault.message, "detail": fault.detail}
        return json.dumps(fields, ensure_ascii=False).encode()
    return (
        '<?xml version="1.0" encoding="UTF-8"?><error>'
        f"<type>{_xml_text(fault.code)}</type>"
        f"<message>{_xml_text(fault.message)}</message>"
        f"<detail>{_xml_text(fault.detail)}</detail></error>"
    ).encode()


def soap_fault(fault: XRoadError) -> bytes:
    """Return the SOAP 1.1 fault message, as the reference writes it."""
    detail = ""
    if fault.detail:
        detail = (
            f'<detail><faultDetail xmlns="">{_xml_text(fault.detail)}'
            "</faultDetail></detail>"
        )
    return (
        '<?xml version="1.0" encoding="UTF-8"?><SOAP-ENV:Envelope xmlns:SOAP-ENV='
        '"http://schemas.xmlsoap.org/soap/envelope/"><SOAP-ENV:Body><SOAP-ENV:Fault>'
        f"<faultcode>{_xml_text(fault.code)}</faultcode>"
        f"<faultstring>{_xml_text(fault.message)}</faultstring>"
        f"<faultactor>{_xml_text(fault.actor)}</faultactor>{detail}"
        "</SOAP-ENV:Fault></SOAP-ENV:Body></SOAP-ENV:Envelope>"
    ).encode()


def _xml_text(text: str) -> str:
    """Escape ``text`` and replace characters that XML 1.0 cannot carry."""
    allowed = _NOT_XML.sub("\N{REPLACEMENT CHARACTER}", text)
    return allowed.translate(_ESCAPED)
