"""XML from outside: one way to parse it, with everything dangerous switched off."""

from lxml import etree

from kerege.xroad.faults import XRoadError

MAX_XML_BYTES = 50 * 1024 * 1024
"""A national shared-params.xml has a few megabytes; above this nobody is honest."""

MAX_NAMESPACES = 256
"""Namespace declarations of a document that is canonicalised: libxml2 compares each with
each for every element, and 20,000 take it a minute. Signatures have four; old ones
declare them anew for some elements."""

_PARSER = etree.XMLParser(
    resolve_entities=False, no_network=True, load_dtd=False, huge_tree=False
)
"""One for all documents: making one costs as much as parsing a small document, and
lxml lets threads wait for each other."""


def parse(data: bytes, *, code: str, what: str) -> etree._Element:
    """Parse a document and return its root.

    Entities, DTDs, external access and huge trees are refused.

    Args:
        data: The document's bytes.
        code: The fault code to raise with.
        what: What is being read, for the message.

    Raises:
        XRoadError: ``code``, if the bytes are not well-formed or not allowed.
    """
    if len(data) > MAX_XML_BYTES:
        raise XRoadError(code, f"{what} is larger than {MAX_XML_BYTES} bytes")
    try:
        root = etree.fromstring(data, _PARSER)
    except (etree.XMLSyntaxError, ValueError) as error:
        said = str(error)
        raise XRoadError(
            code, f"{what} is not well-formed XML: {said}", quotes=said
        ) from error
    if root.getroottree().docinfo.doctype:
        raise XRoadError(code, f"{what} has a DOCTYPE, which is not allowed")
    return root


def require_few_namespaces(
    root: etree._Element, data: bytes, *, code: str, what: str
) -> None:
    """Refuse a document that would take too long to canonicalise.

    Args:
        root: The document's root.
        data: The document's bytes; nearly all are cleared by them alone.
        code: The fault code to raise with.
        what: What is being read, for the message.

    Raises:
        XRoadError: ``code``, if there are more than `MAX_NAMESPACES` declarations.
    """
    # For UTF-16 with a byte-order mark lxml says UTF-8, too.
    is_utf8 = data[:1] == b"<" and data[1:2] != b"\0"
    is_utf8 = is_utf8 and root.getroottree().docinfo.encoding == "UTF-8"
    if is_utf8 and data.count(b"xmlns") <= MAX_NAMESPACES:
        return
    declared = sum(1 for _ in etree.iterwalk(root, events=("start-ns",)))
    if declared > MAX_NAMESPACES:
        raise XRoadError(code, f"{what} declares more than {MAX_NAMESPACES} namespaces")
