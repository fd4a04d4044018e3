"""Faults: read from an envelope, and written."""

from lxml import etree

from kerege.xroad import xml
from kerege.xroad.faults import RelayedFaultError, XRoadError, soap_fault
from kerege.xroad.soap._encoding import to_utf8, without_declaration
from kerege.xroad.soap._names import (
    ENVELOPE_NAMESPACE,
    MAX_FAULT_BYTES,
    MAX_FAULT_CODE_CHARACTERS,
    MAX_FAULT_TEXT_CHARACTERS,
    refuse,
)

_ENV = f"{{{ENVELOPE_NAMESPACE}}}"


def read_fault(content: bytes, *, charset: str | None = None) -> RelayedFaultError:
    """Read a SOAP fault.

    Args:
        content: The bytes as received; they become the fault's ``xml``.
        charset: What to believe if ``content`` does not say its encoding.

    Raises:
        XRoadError: ``invalid_soap``, or ``invalid_message`` if it is no fault.
    """
    if len(content) > MAX_FAULT_BYTES:
        refuse(f"The SOAP fault is larger than {MAX_FAULT_BYTES} bytes")
    text = without_declaration(to_utf8(content, charset=charset))
    root = xml.parse(text, code="invalid_soap", what="The SOAP message")
    if root.tag != f"{_ENV}Envelope":
        name = repr(str(root.tag)[:255])
        refuse(f"Expected a SOAP 1.1 envelope, got {name}", name)
    fault = root.find(f"{_ENV}Body/{_ENV}Fault")
    if fault is None:
        raise XRoadError("invalid_message", "The SOAP message is not a fault")
    return _read(fault, content)


def write_fault(code: str, message: str, *, actor: str = "", detail: str = "") -> bytes:
    """Return a SOAP 1.1 fault message, as the reference writes it.

    Args:
        code: The faultcode, with its prefix.
        message: The faultstring, for people.
        actor: The faultactor: who on the message's way noticed; mostly empty.
        detail: The faultDetail in the detail; here a UUID of the occurrence.
    """
    return soap_fault(XRoadError(code, message, detail=detail, actor=actor))


def _read(fault: etree._Element, content: bytes) -> RelayedFaultError:
    texts: dict[str, str] = {}
    for child in fault.iterchildren(tag=etree.Element):
        name = etree.QName(child).localname
        texts[name] = _detail(child) if name == "detail" else _text(child)
    code = texts.get("faultcode", "").strip()[:MAX_FAULT_CODE_CHARACTERS]
    if not code:
        refuse("The SOAP fault has no faultcode")
    return RelayedFaultError(
        # The code becomes a header field of the answer to a REST client.
        "".join([c if " " <= c <= "~" else "?" for c in code]),
        texts.get("faultstring", "")[:MAX_FAULT_TEXT_CHARACTERS],
        detail=texts.get("detail", "")[:MAX_FAULT_TEXT_CHARACTERS],
        actor=texts.get("faultactor", "")[:MAX_FAULT_TEXT_CHARACTERS],
        xml=content,
    )


def _detail(detail: etree._Element) -> str:
    """Return the text of faultDetail, in any namespace, or else of detail itself."""
    found = ""
    for child in detail.iterchildren(tag=etree.Element):
        if etree.QName(child).localname == "faultDetail":
            found = _text(child)
    return found or _text(detail).strip()


def _text(element: etree._Element) -> str:
    """The element's own text; comments and processing instructions do not count."""
    return (element.text or "") + "".join([child.tail or "" for child in element])
