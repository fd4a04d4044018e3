"""Reading the documents of hash chains into values."""

import base64
import binascii
from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

from lxml import etree

from kerege.xroad.algorithms import Digest, digest_by_uri
from kerege.xroad.faults import XRoadError
from kerege.xroad.xml import parse

MAX_CHAIN_BYTES = 4 * 1024 * 1024
"""A chain of one message takes 300 bytes a step and 33 steps; the rest is attachments."""
MAX_DIGEST_CHARACTERS = 256
"""Base64 characters of a DigestValue with line breaks; SHA-512 needs 88."""


MALFORMED = "malformed_hash_chain"
_HC = "{http://cyber.ee/hashchain}"
_DS = "{http://www.w3.org/2000/09/xmldsig#}"
_C14N = frozenset(
    {
        "http://www.w3.org/TR/2001/REC-xml-c14n-20010315",
        "http://www.w3.org/2001/10/xml-exc-c14n#",
    }
)
"""Canonicalizations that a DataRef may ask for; both without comments."""


class Entry(NamedTuple):
    """One entry of a hash step."""

    kind: str
    """``DataRef``, ``StepRef`` or ``HashValue``."""
    uri: str
    digest: Digest
    value: bytes
    """Empty for a ``StepRef``."""
    transforms: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Chain:
    """A ``HashChain`` document."""

    steps: Mapping[str, tuple[Entry, ...]]
    """The entries of each step, by its id."""


@dataclass(frozen=True, slots=True)
class Result:
    """A ``HashChainResult`` document."""

    uri: str
    """Where the chain begins: its document and the id of a step."""
    digest: Digest
    value: bytes


def read_result(data: bytes) -> Result:
    """Read a ``HashChainResult`` document. Raises as `verify_hash_chain` says."""
    root = _root(data, "HashChainResult", "Hash chain result")
    uri = _only_attribute(root, "URI")
    children = list(root)
    _require_tags(root, [child.tag for child in children], "DigestMethod DigestValue")
    return Result(uri, _digest_method(children[0]), _digest_value(children[1]))


def read_chain(data: bytes) -> Chain:
    """Read a ``HashChain`` document. Raises as `verify_hash_chain` says."""
    root = _root(data, "HashChain", "Hash chain")
    if root.attrib:
        raise XRoadError(MALFORMED, "HashChain has attributes")
    default: Digest | None = None
    steps: dict[str, tuple[Entry, ...]] = {}
    for position, child in enumerate(root):
        if child.tag == _HC + "DefaultDigestMethod" and position == 0:
            default = _digest_method(child)
            continue
        if child.tag != _HC + "HashStep":
            raise _unexpected(root, child)
        name = _only_attribute(child, "id")
        if name in steps:
            raise XRoadError(MALFORMED, f"Two hash steps have the id {name[:255]!r}")
        steps[name] = tuple(_read_entry(each, default) for each in child)
    return Chain(steps)


def _read_entry(element: etree._Element, default: Digest | None) -> Entry:
    kind = str(element.tag).removeprefix(_HC)
    if kind not in ("DataRef", "StepRef", "HashValue"):
        raise XRoadError(
            MALFORMED, f"A hash step has an element {str(element.tag)[:255]}"
        )
    if kind == "HashValue":
        uri = ""
        if element.attrib:
            raise XRoadError(MALFORMED, "HashValue has attributes")
    else:
        uri = _only_attribute(element, "URI")
    children = list(element)
    if children and children[0].tag == _DS + "DigestMethod":
        default = _digest_method(children.pop(0))
    transforms: tuple[str, ...] = ()
    if children and children[0].tag == _DS + "Transforms" and kind != "StepRef":
        transforms = _read_transforms(children.pop(0))
    expected = "" if kind == "StepRef" else "DigestValue"
    _require_tags(element, [child.tag for child in children], expected)
    if default is None:
        raise XRoadError(
            MALFORMED, f"{kind} has no digest method, and the chain no default"
        )
    value = _digest_value(children[0]) if children else b""
    return Entry(kind, uri, default, value, transforms)


def _read_transforms(element: etree._Element) -> tuple[str, ...]:
    """Read Transforms: canonicalization only, since XSLT and XPath run foreign code."""
    uris = []
    for child in element:
        if child.tag != _DS + "Transform" or len(child):
            raise _unexpected(element, child)
        uris.append(_only_attribute(child, "Algorithm"))
    for uri in uris:
        if uri not in _C14N:
            raise XRoadError(
                "unsupported_algorithm",
                f"The hash chain asks for the transform {uri[:255]!r}, which is not "
                "allowed",
            )
    if not uris or len(uris) > 1:
        raise XRoadError(MALFORMED, "Transforms must have exactly one Transform")
    return tuple(uris)


def _root(data: bytes, name: str, what: str) -> etree._Element:
    if len(data) > MAX_CHAIN_BYTES:
        raise XRoadError(MALFORMED, f"{what} is larger than {MAX_CHAIN_BYTES} bytes")
    root = parse(data, code=MALFORMED, what=what)
    if root.tag != _HC + name:
        raise XRoadError(
            MALFORMED, f"{what} has the root element {str(root.tag)[:255]}"
        )
    _require_elements_only(root, what)
    return root


def _require_elements_only(root: etree._Element, what: str) -> None:
    """Refuse text between elements and instructions: the schema has neither.

    Nobody would read them, so they could be changed after signing.
    """
    is_alone = root.getprevious() is None and root.getnext() is None
    between = [child.tail for child in root.iterdescendants()]
    between += [element.text for element in root.iter() if len(element)]
    if not is_alone or any(text and not text.isspace() for text in between):
        raise XRoadError(MALFORMED, f"{what} has something between its elements")


def _digest_method(element: etree._Element) -> Digest:
    if len(element):
        raise _unexpected(element, element[0])
    digest = digest_by_uri(_only_attribute(element, "Algorithm"))
    if digest.hashlib_name == "sha1":
        raise XRoadError("unsupported_algorithm", "SHA-1 is refused in hash chains")
    return digest


def _digest_value(element: etree._Element) -> bytes:
    text = element.text or ""
    is_plain = text.isascii() and not len(element) and not element.attrib
    if not is_plain or len(text) > MAX_DIGEST_CHARACTERS:
        raise XRoadError(MALFORMED, "DigestValue is not a digest")
    try:
        return base64.b64decode("".join(text.split()), validate=True)
    except (binascii.Error, ValueError) as error:
        raise XRoadError(MALFORMED, f"DigestValue is not base64: {error}") from error


def _only_attribute(element: etree._Element, name: str) -> str:
    attributes = element.attrib
    if len(attributes) != 1 or name not in attributes:
        raise XRoadError(
            MALFORMED,
            f"{str(element.tag)[:255]} must have the attribute {name} and no other",
        )
    return str(attributes[name])


def _require_tags(element: etree._Element, tags: list[object], names: str) -> None:
    if tags != [_DS + name for name in names.split()]:
        raise XRoadError(
            MALFORMED,
            f"{str(element.tag)[:255]} must contain {names or 'nothing'} only",
        )


def _unexpected(parent: etree._Element, child: etree._Element) -> XRoadError:
    return XRoadError(
        MALFORMED, f"{str(parent.tag)[:255]} may not contain {str(child.tag)[:255]}"
    )
