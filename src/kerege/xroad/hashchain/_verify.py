"""Verifying hash chains that somebody else built."""

import base64
import binascii
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from hmac import compare_digest

from lxml import etree

from kerege.xroad.algorithms import Digest, digest_by_uri
from kerege.xroad.faults import XRoadError
from kerege.xroad.hashchain._digest_list import digest_list
from kerege.xroad.xml import parse, require_few_namespaces

MAX_CHAIN_BYTES = 4 * 1024 * 1024
"""A chain of one message takes 300 bytes a step and 33 steps; the rest is attachments."""
MAX_ENTRIES = 10_000
"""Entries read while verifying, in all documents: attachments of one message."""
MAX_DEPTH = 64
"""Steps below each other: a tree of 2^63 messages."""
MAX_DOCUMENTS = 16
"""Chain documents that one chain may refer to; the profile needs one."""
MAX_DIGEST_CHARACTERS = 256
"""Base64 characters of a DigestValue with line breaks; SHA-512 needs 88."""

_MALFORMED = "malformed_hash_chain"
_HC = "{http://cyber.ee/hashchain}"
_DS = "{http://www.w3.org/2000/09/xmldsig#}"
_C14N = frozenset(
    {
        "http://www.w3.org/TR/2001/REC-xml-c14n-20010315",
        "http://www.w3.org/2001/10/xml-exc-c14n#",
    }
)
"""Canonicalizations that a DataRef may ask for; both without comments."""
_EXCLUSIVE = "http://www.w3.org/2001/10/xml-exc-c14n#"

Resolver = Callable[[str], bytes | None]


@dataclass(frozen=True, slots=True)
class InputDigest:
    """The digest of an input that was computed when the input was received."""

    algorithm: Digest
    value: bytes


@dataclass(frozen=True, slots=True)
class HashChainReport:
    """What a verified chain covers."""

    used: frozenset[str]
    """URIs of the given inputs that the chain covers: all of them."""
    trusted: tuple[tuple[str, InputDigest], ...]
    """Data references whose content was not at hand, with the chain's own digest."""


def verify_hash_chain(
    result: bytes,
    *,
    inputs: Mapping[str, InputDigest | None],
    resolve: Resolver,
    trust_missing: Callable[[str], bool] = lambda _uri: False,
    compare_references: bool = False,
) -> HashChainReport:
    """Check that a hash chain result follows from the inputs.

    Args:
        result: The ``HashChainResult`` document, whose signature somebody else checks.
        inputs: The documents that the chain must cover, by URI. Where the digest is
            ``None``, or of another algorithm, the content is resolved and hashed.
        resolve: Returns the content of a URI, or ``None``: chain documents, and
            documents without a given digest.
        trust_missing: Whether the digest in the chain may stand for a document that
            is not at hand. Containers say yes for what was not logged.
        compare_references: Whether a given digest is compared with its DataRef at
            once; else a changed document shows at the top of the chain.

    Raises:
        XRoadError: ``malformed_hash_chain`` if a document breaks the schema or a
            bound, ``invalid_reference`` if something cannot be resolved,
            ``invalid_hash_chain_ref`` if a document does not match its DataRef,
            ``invalid_hash_chain`` if the top differs from the result,
            ``hashchain_unused_inputs`` if the chain leaves an input out,
            ``unsupported_algorithm`` for digests and transforms not allowed.
    """
    return _Verifier(inputs, resolve, trust_missing, compare_references).verify(result)


@dataclass(frozen=True, slots=True)
class _Entry:
    kind: str
    uri: str
    digest: Digest
    value: bytes
    transforms: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Chain:
    steps: Mapping[str, tuple[_Entry, ...]]


@dataclass(slots=True)
class _Verifier:
    inputs: Mapping[str, InputDigest | None]
    resolve: Resolver
    trust_missing: Callable[[str], bool]
    compare_references: bool
    documents: dict[str, _Chain] = field(default_factory=dict)
    used: set[str] = field(default_factory=set)
    trusted: list[tuple[str, InputDigest]] = field(default_factory=list)
    compared: list[tuple[bytes, _Entry]] = field(default_factory=list)
    hashed: dict[tuple[str, Digest, tuple[str, ...]], bytes] = field(
        default_factory=dict
    )
    open_steps: set[tuple[int, str]] = field(default_factory=set)
    budget: int = MAX_ENTRIES

    def verify(self, result: bytes) -> HashChainReport:
        uri, digest, expected = _read_result(result)
        top = digest.of(self._step(uri, None))
        if not compare_digest(top, expected):
            raise XRoadError(
                "invalid_hash_chain",
                "The hash chain result does not match the hash chain: something in "
                "the message was changed after signing",
            )
        for value, entry in self.compared:
            _require_equal(value, entry)
        unused = sorted(self.inputs.keys() - self.used)
        if unused:
            raise XRoadError(
                "hashchain_unused_inputs",
                f"The hash chain does not cover {', '.join(unused)[:255]}",
            )
        return HashChainReport(frozenset(self.used), tuple(self.trusted))

    def _step(self, uri: str, current: _Chain | None) -> bytes:
        """Return the DER list of a step's digests, following references downwards."""
        name, _, fragment = uri.partition("#")
        chain = self._document(name) if name else current
        if chain is None or not fragment or fragment not in chain.steps:
            raise XRoadError(_MALFORMED, f"There is no hash step {uri[:255]!r}")
        place = (id(chain), fragment)
        if place in self.open_steps or len(self.open_steps) >= MAX_DEPTH:
            raise XRoadError(
                _MALFORMED, f"Hash steps form a circle or go too deep at {uri[:255]!r}"
            )
        self.open_steps.add(place)
        values = [self._entry(entry, chain) for entry in chain.steps[fragment]]
        self.open_steps.remove(place)
        return digest_list(values)

    def _entry(self, entry: _Entry, chain: _Chain) -> tuple[Digest, bytes]:
        self.budget -= 1
        if self.budget < 0:
            raise XRoadError(
                _MALFORMED, f"The hash chain has more than {MAX_ENTRIES} entries"
            )
        if entry.kind == "StepRef":
            return entry.digest, entry.digest.of(self._step(entry.uri, chain))
        if entry.kind == "DataRef":
            return self._data(entry)
        return entry.digest, entry.value

    def _data(self, entry: _Entry) -> tuple[Digest, bytes]:
        """Return the digest of a document; prefer the one computed on reception."""
        given = None
        if entry.uri in self.inputs:
            self.used.add(entry.uri)
            given = self.inputs[entry.uri]
        # The digest of raw bytes says nothing about a transformed document.
        if given and given.algorithm == entry.digest and not entry.transforms:
            if self.compare_references:
                _require_equal(given.value, entry)
            self.compared.append((given.value, entry))
            return entry.digest, given.value
        content = self.resolve(entry.uri)
        if content is None:
            if entry.uri not in self.inputs and self.trust_missing(entry.uri):
                self.trusted.append((entry.uri, InputDigest(entry.digest, entry.value)))
                return entry.digest, entry.value
            raise XRoadError(
                "invalid_reference",
                f"The hash chain refers to {entry.uri[:255]!r}, which is not here",
            )
        value = self._hash(content, entry)
        _require_equal(value, entry)
        return entry.digest, value

    def _hash(self, content: bytes, entry: _Entry) -> bytes:
        """Hash a document once, however often the chain refers to it."""
        key = (entry.uri, entry.digest, entry.transforms)
        value = self.hashed.get(key)
        if value is None:
            value = entry.digest.of(_transformed(content, entry))
            self.hashed[key] = value
        return value

    def _document(self, name: str) -> _Chain:
        if name not in self.documents:
            if len(self.documents) >= MAX_DOCUMENTS:
                raise XRoadError(
                    _MALFORMED, f"More than {MAX_DOCUMENTS} hash chain documents"
                )
            content = self.resolve(name)
            if content is None:
                raise XRoadError(
                    "invalid_reference",
                    f"The hash chain document {name[:255]!r} is not here",
                )
            self.documents[name] = _read_chain(content)
        return self.documents[name]


def _require_equal(value: bytes, entry: _Entry) -> None:
    if not compare_digest(value, entry.value):
        raise XRoadError(
            "invalid_hash_chain_ref",
            f"{entry.uri[:255]} does not have the digest that the hash chain says",
        )


def _transformed(content: bytes, entry: _Entry) -> bytes:
    for uri in entry.transforms:
        what, code = entry.uri[:255], "invalid_hash_chain_ref"
        root = parse(content, code=code, what=what)
        require_few_namespaces(root, content, code=code, what=what)
        content = etree.tostring(
            root.getroottree(),
            method="c14n",
            exclusive=uri == _EXCLUSIVE,
            with_comments=False,
        )
    return content


def _read_result(data: bytes) -> tuple[str, Digest, bytes]:
    root = _root(data, "HashChainResult", "Hash chain result")
    uri = _only_attribute(root, "URI")
    children = list(root)
    _require_tags(root, [child.tag for child in children], "DigestMethod DigestValue")
    return uri, _digest_method(children[0]), _digest_value(children[1])


def _read_chain(data: bytes) -> _Chain:
    root = _root(data, "HashChain", "Hash chain")
    if root.attrib:
        raise XRoadError(_MALFORMED, "HashChain has attributes")
    default: Digest | None = None
    steps: dict[str, tuple[_Entry, ...]] = {}
    for position, child in enumerate(root):
        if child.tag == _HC + "DefaultDigestMethod" and position == 0:
            default = _digest_method(child)
            continue
        if child.tag != _HC + "HashStep":
            raise _unexpected(root, child)
        name = _only_attribute(child, "id")
        if name in steps:
            raise XRoadError(_MALFORMED, f"Two hash steps have the id {name[:255]!r}")
        steps[name] = tuple(_read_entry(each, default) for each in child)
    return _Chain(steps)


def _read_entry(element: etree._Element, default: Digest | None) -> _Entry:
    kind = str(element.tag).removeprefix(_HC)
    if kind not in ("DataRef", "StepRef", "HashValue"):
        raise XRoadError(
            _MALFORMED, f"A hash step has an element {str(element.tag)[:255]}"
        )
    if kind == "HashValue":
        uri = ""
        if element.attrib:
            raise XRoadError(_MALFORMED, "HashValue has attributes")
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
            _MALFORMED, f"{kind} has no digest method, and the chain no default"
        )
    value = _digest_value(children[0]) if children else b""
    return _Entry(kind, uri, default, value, transforms)


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
        raise XRoadError(_MALFORMED, "Transforms must have exactly one Transform")
    return tuple(uris)


def _root(data: bytes, name: str, what: str) -> etree._Element:
    if len(data) > MAX_CHAIN_BYTES:
        raise XRoadError(_MALFORMED, f"{what} is larger than {MAX_CHAIN_BYTES} bytes")
    root = parse(data, code=_MALFORMED, what=what)
    if root.tag != _HC + name:
        raise XRoadError(
            _MALFORMED, f"{what} has the root element {str(root.tag)[:255]}"
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
        raise XRoadError(_MALFORMED, f"{what} has something between its elements")


def _digest_method(element: etree._Element) -> Digest:
    if len(element):
        raise _unexpected(element, element[0])
    return digest_by_uri(_only_attribute(element, "Algorithm"))


def _digest_value(element: etree._Element) -> bytes:
    text = element.text or ""
    is_plain = text.isascii() and not len(element) and not element.attrib
    if not is_plain or len(text) > MAX_DIGEST_CHARACTERS:
        raise XRoadError(_MALFORMED, "DigestValue is not a digest")
    try:
        return base64.b64decode("".join(text.split()), validate=True)
    except (binascii.Error, ValueError) as error:
        raise XRoadError(_MALFORMED, f"DigestValue is not base64: {error}") from error


def _only_attribute(element: etree._Element, name: str) -> str:
    attributes = element.attrib
    if len(attributes) != 1 or name not in attributes:
        raise XRoadError(
            _MALFORMED,
            f"{str(element.tag)[:255]} must have the attribute {name} and no other",
        )
    return str(attributes[name])


def _require_tags(element: etree._Element, tags: list[object], names: str) -> None:
    if tags != [_DS + name for name in names.split()]:
        raise XRoadError(
            _MALFORMED,
            f"{str(element.tag)[:255]} must contain {names or 'nothing'} only",
        )


def _unexpected(parent: etree._Element, child: etree._Element) -> XRoadError:
    return XRoadError(
        _MALFORMED, f"{str(parent.tag)[:255]} may not contain {str(child.tag)[:255]}"
    )
