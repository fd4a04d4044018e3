"""Finding the parts of a signature document, so that nothing can be wrapped.

Signature wrapping (McIntosh and Austel 2005; Somorovsky et al. 2012) moves the signed
elements aside and puts others where the application looks. Against it:

* There is one ``ds:Signature`` in the document, in a fixed place; there are no
  comments, processing instructions, ``xml:`` attributes or duplicate ids.
* Elements are found as children of known parents, never by searching the document or
  by id.
"""

from collections.abc import Callable
from dataclasses import dataclass

from lxml import etree

from kerege.xroad.faults import XRoadError
from kerege.xroad.signature._schema import require_profile
from kerege.xroad.xml import parse, require_few_namespaces

MAX_SIGNATURE_BYTES = 1024 * 1024
"""A signature with two CA levels has 20 KB; OCSP responses may hold whole chains."""

MAX_ATTRIBUTES = 8192
"""Attributes of a document without a grammar; a reference has three. Canonical form puts
those of an element in order one by one."""

DS = "{http://www.w3.org/2000/09/xmldsig#}"
XADES = "{http://uri.etsi.org/01903/v1.3.2#}"
_ROOTS = frozenset(
    {
        "{http://uri.etsi.org/02918/v1.2.1#}XAdESSignatures",
        "{http://uri.etsi.org/02918/v1.1.1#}XAdESSignatures",
    }
)
MALFORMED = "malformed_signature"

_has_forbidden_nodes = etree.XPath(
    "boolean(//comment() | //processing-instruction() | //@xml:*)"
)
"""Comments split text nodes; ``xml:`` attributes are inherited by canonical form."""
_ids: Callable[[etree._Element], list[str]] = etree.XPath("//@Id", smart_strings=False)
"""The grammar of messages has no other ids."""
_any_ids: Callable[[etree._Element], list[str]] = etree.XPath(
    "//@Id | //@ID | //@id", smart_strings=False
)
_signature_count = etree.XPath("count(//*[local-name() = 'Signature'])")


_attribute_count = etree.XPath("count(//@*)")


@dataclass(frozen=True, slots=True)
class Structure:
    """The elements of a signature that everything else is read from."""

    signature: etree._Element
    signed_info: etree._Element
    value: etree._Element
    key_info: etree._Element
    qualifying: etree._Element
    signed_properties: etree._Element


def find_signature(data: bytes, *, check_schema: bool) -> Structure:
    """Parse a signature document and find its parts.

    Args:
        data: The document.
        check_schema: Whether to check it against the grammar of messages.

    Raises:
        XRoadError: ``invalid_xml`` if the bytes are no XML, ``malformed_signature`` if
            it is not one XAdES signature.
    """
    if len(data) > MAX_SIGNATURE_BYTES:
        raise XRoadError(
            MALFORMED, f"The signature is larger than {MAX_SIGNATURE_BYTES} bytes"
        )
    root = parse(data, code="invalid_xml", what="The signature")
    require_few_namespaces(root, data, code=MALFORMED, what="The signature")
    if _has_forbidden_nodes(root):
        raise XRoadError(
            MALFORMED,
            "The signature has a comment, a processing instruction or an xml: "
            "attribute, which could hide something",
        )
    signature = _signature_of(root)
    structure = _structure_of(signature)
    if check_schema:
        require_profile(root)
    elif _signature_count(root) != 1:
        raise XRoadError(MALFORMED, "There is a second signature inside the first")
    elif _attribute_count(root) > MAX_ATTRIBUTES:
        raise XRoadError(MALFORMED, f"More than {MAX_ATTRIBUTES} attributes")
    ids = _ids(root) if check_schema else _any_ids(root)
    if len(ids) != len(set(ids)):
        raise XRoadError(MALFORMED, "Two elements of the signature have the same id")
    return structure


def _signature_of(root: etree._Element) -> etree._Element:
    """Return the only signature: the root, or the root's only child."""
    signature = root
    if root.tag in _ROOTS:
        if len(root) != 1:
            raise XRoadError(
                MALFORMED, f"There are {len(root)} signatures instead of one"
            )
        signature = root[0]
    if signature.tag != DS + "Signature":
        raise XRoadError(MALFORMED, "There is no ds:Signature")
    return signature


def _structure_of(signature: etree._Element) -> Structure:
    signed_info = only_child(signature, DS + "SignedInfo")
    holder = only_child(signature, DS + "Object")
    qualifying = only_child(holder, XADES + "QualifyingProperties")
    return Structure(
        signature=signature,
        signed_info=signed_info,
        value=only_child(signature, DS + "SignatureValue"),
        key_info=only_child(signature, DS + "KeyInfo"),
        qualifying=qualifying,
        signed_properties=only_child(qualifying, XADES + "SignedProperties"),
    )


def only_child(parent: etree._Element, tag: str) -> etree._Element:
    """Return the only child with this tag. Raises ``malformed_signature``."""
    child = optional_child(parent, tag)
    if child is None:
        raise XRoadError(
            MALFORMED,
            f"{local_name(parent)} has no element {tag.rpartition('}')[2]}",
        )
    return child


def optional_child(parent: etree._Element, tag: str) -> etree._Element | None:
    """Return the child with this tag, or None. Raises if there are several."""
    found: etree._Element | None = None
    for child in parent.iterchildren(tag):
        if found is not None:
            raise XRoadError(
                MALFORMED,
                f"{local_name(parent)} has several elements {local_name(child)}",
            )
        found = child
    return found


def descend(parent: etree._Element, *tags: str) -> etree._Element | None:
    """Follow `optional_child` through several levels."""
    element: etree._Element | None = parent
    for tag in tags:
        if element is None:
            return None
        element = optional_child(element, tag)
    return element


def local_name(element: etree._Element) -> str:
    """Return the element's name without namespace, for messages."""
    return str(element.tag).rpartition("}")[2][:64]
