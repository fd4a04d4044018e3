"""One pass over an envelope: the X-Road header and where things stand in it.

Rules:

* No object is made for what is in the Body, whatever its size: after its first element
  expat goes on alone. Whether that element was the only one is then told from the
  message's end, which nearly always leaves no doubt; where it does, the message is
  walked through element by element.
* Nesting can be no deeper than there are end tags; if there are many, libxml2 counts,
  without building a tree.
* A DOCTYPE is refused before it is parsed, and so are XInclude's elements: whoever
  reads the message later must not fetch or expand anything.
"""

import re
from dataclasses import dataclass, field
from typing import NamedTuple
from xml.parsers import expat

from lxml import etree

from kerege.xroad.soap._encoding import UTF_8, declared_encoding
from kerege.xroad.soap._names import (
    ENVELOPE_NAMESPACE,
    MAX_DEPTH,
    MAX_ELEMENTS,
    MAX_HEADER_ELEMENTS,
    MAX_SOAP_BYTES,
    XINCLUDE_NAMESPACE,
    refuse,
)

_ENV = f"{ENVELOPE_NAMESPACE}}}"
_ENVELOPE, _HEADER, _BODY = _ENV + "Envelope", _ENV + "Header", _ENV + "Body"
_FAULT = _ENV + "Fault"
_XINCLUDE = XINCLUDE_NAMESPACE.encode()

_DOCTYPE = re.compile(rb"(?:\s++|<\?.*?\?>|<!--.*?-->)*+<!DOCTYPE", re.DOTALL)
_NAME = re.compile(rb"</?([^\s/>]++)")
_AFTER_NAME = (b">", b" ", b"/", b"\n", b"\r", b"\t")
_MAX_ENDING_BYTES = 1024
"""Where the last three end tags are, with some white space; else we look closer."""
_ENDING = re.compile(
    rb"(?:</(?P<child>[^\s>]++)\s*+>)?\s*+</(?P<body>[^\s>]++)\s*+>\s*+"
    rb"</(?P<root>[^\s>]++)\s*+>(?P<space>\s*+)\Z"
)
_TAG = re.compile(rb"<(?:\"[^\"]*\"|'[^']*'|[^>\"'])*>")


class Element(NamedTuple):
    """A child of the Header, with its own children."""

    name: str
    """``{namespace}local``."""
    attributes: dict[str, str]
    """Names with a namespace as ``namespace}local``."""
    texts: list[str]
    children: list[tuple[str, list[str]]]
    """Names and texts; what is deeper is nobody's business."""
    start: int
    """Offset of its start tag."""

    @property
    def text(self) -> str:
        """Its own text; comments and processing instructions do not count."""
        return "".join(self.texts)

    @property
    def child_texts(self) -> list[tuple[str, str]]:
        """Names and texts of its children."""
        return [(name, "".join(texts)) for name, texts in self.children]


@dataclass(slots=True)
class Scan:
    """What one pass found. Offsets are into the bytes that were scanned."""

    header: list[Element] = field(default_factory=list)
    ends: list[int] = field(default_factory=list)
    """Where each element of `header` ends."""
    headers: list[tuple[int, int]] = field(default_factory=list)
    """Start and end tag of each Header."""
    bodies: int = 0
    body_names: list[str] = field(default_factory=list)
    """Local names of the Body's elements; more than two are not counted."""
    body: tuple[int, int] = (0, 0)
    """Start and end tag of the last Body; the end only if it was looked at."""
    has_fault: bool = False
    encoding_style: str | None = None
    root: tuple[int, int] = (0, 0)
    """Where the envelope begins and ends."""


def scan(content: bytes) -> Scan:
    """Walk through an envelope in UTF-8.

    Raises:
        XRoadError: ``invalid_soap`` if it is not well-formed, no SOAP 1.1 envelope,
            too large, too deep, or has what may not be there.
    """
    if len(content) > MAX_SOAP_BYTES:
        refuse(f"The SOAP message is larger than {MAX_SOAP_BYTES} bytes")
    if _DOCTYPE.match(content):
        refuse("The SOAP message has a DOCTYPE, which is not allowed")
    scanner = _Scanner(content, thorough=False)
    scanner.run()
    if not scanner.is_certain():
        scanner = _Scanner(content, thorough=True)
        scanner.run()
    elif content.count(b"</") > MAX_DEPTH:
        _require_shallow(content)
    return scanner.found


class _Nothing:
    """A target for lxml that keeps nothing."""

    def close(self) -> None:
        """Be there: lxml wants it."""


def _require_shallow(content: bytes) -> None:
    parser = etree.XMLParser(  # type: ignore[call-overload]
        target=_Nothing(),
        encoding=UTF_8,
        resolve_entities=False,
        no_network=True,
        load_dtd=False,
        huge_tree=False,
    )
    try:
        etree.fromstring(content, parser)
    except etree.XMLSyntaxError as error:
        refuse(f"The SOAP message is too deep, or not well-formed: {error}")


class _Scanner:
    """Handlers of expat, one set for each place in the envelope."""

    def __init__(self, content: bytes, *, thorough: bool) -> None:
        self.found = Scan()
        self._content = content
        self._thorough = thorough
        self._depth = 0
        self._elements = 0
        self._inside = ""
        self._first_child = -1
        self._element: Element | None = None
        parser = expat.ParserCreate(UTF_8, "}")
        parser.buffer_text = True
        parser.StartElementHandler = self._envelope_began
        parser.StartDoctypeDeclHandler = self._doctype
        parser.XmlDeclHandler = self._declaration
        if _XINCLUDE in content:
            parser.StartNamespaceDeclHandler = self._namespace
        self._parser = parser

    def run(self) -> None:
        """Parse it all. Raises ``invalid_soap``."""
        try:
            self._parser.Parse(self._content, True)
        except expat.ExpatError as error:
            refuse(f"The SOAP message is not well-formed XML: {error}")

    def is_certain(self) -> bool:
        """Whether it is known that the Body, and the envelope, ended as they should.

        Judged by the last tags: they can only be those of the first element in the
        Body if no other one has its name.
        """
        content, begin = self._content, self._first_child
        if begin < 0:
            return True
        name = _name_at(content, begin)
        tag = _TAG.match(content, begin)
        if tag and tag[0].endswith(b"/>"):
            child_end = tag.end()
        else:
            if any(content.find(b"<" + name + c, begin + 1) > 0 for c in _AFTER_NAME):
                return False
            child_end = -1
        return self._ends_with(name, child_end)

    def _ends_with(self, child: bytes, child_end: int) -> bool:
        """Whether the last tags are as expected; if so, note where they are.

        Args:
            child: Name of the Body's first element.
            child_end: Where it ends if it is an empty tag, else -1.
        """
        content, found = self._content, self.found
        offset = max(0, len(content) - _MAX_ENDING_BYTES)
        ending = _ENDING.search(content[offset:])
        if ending is None:
            return False
        body, root = _name_at(content, found.body[0]), _name_at(content, found.root[0])
        if (ending["body"], ending["root"]) != (body, root):
            return False
        body_end = offset + ending.start("body") - 2
        if child_end < 0:
            if ending["child"] != child:
                return False
        elif content[child_end:body_end].strip():
            return False
        found.body = (found.body[0], body_end)
        found.root = (found.root[0], offset + ending.start("space"))
        return True

    # What may stand before the envelope.

    def _doctype(self, *_: object) -> None:
        refuse("The SOAP message has a DOCTYPE, which is not allowed")

    def _declaration(self, _version: str, encoding: str | None, _alone: int) -> None:
        if (encoding or "").lower() != (declared_encoding(self._content) or ""):
            refuse("The SOAP message has an XML declaration that is not understood")

    def _namespace(self, _prefix: str | None, uri: str | None) -> None:
        if uri == XINCLUDE_NAMESPACE:
            refuse("The SOAP message has XInclude, which is not allowed")

    # The envelope and its children.

    def _envelope_began(self, name: str, attributes: dict[str, str]) -> None:
        if name != _ENVELOPE:
            refuse(f"Expected a SOAP 1.1 envelope, got {name[:255]!r}")
        self.found.root = (self._parser.CurrentByteIndex, 0)
        self.found.encoding_style = attributes.get(_ENV + "encodingStyle")
        self._watch_envelope()

    def _watch_envelope(self) -> None:
        self._depth = 1
        self._parser.StartElementHandler = self._part_began
        self._parser.EndElementHandler = self._envelope_ended
        self._parser.CharacterDataHandler = None

    def _envelope_ended(self, _name: str) -> None:
        self.found.root = (self.found.root[0], self._end_of_tag())

    def _part_began(self, name: str, _attributes: dict[str, str]) -> None:
        self._depth = 2
        at = self._parser.CurrentByteIndex
        if name == _HEADER:
            self.found.headers.append((at, at))
            self._parser.StartElementHandler = self._field_began
            self._parser.EndElementHandler = self._header_ended
            return
        if name == _BODY:
            self.found.bodies += 1
            self.found.body = (at, at)
        self._inside = name
        self._parser.StartElementHandler = self._below_began
        self._parser.EndElementHandler = self._below_ended

    # The Header.

    def _header_ended(self, _name: str) -> None:
        start, _ = self.found.headers[-1]
        self.found.headers[-1] = (start, self._parser.CurrentByteIndex)
        self._watch_envelope()

    def _field_began(self, name: str, attributes: dict[str, str]) -> None:
        self._count()
        at = self._parser.CurrentByteIndex
        self._element = Element("{" + name, attributes, [], [], at)
        self.found.header.append(self._element)
        self._depth = 3
        self._parser.StartElementHandler = self._code_began
        self._parser.EndElementHandler = self._code_ended
        self._parser.CharacterDataHandler = self._element.texts.append

    def _code_began(self, name: str, _attributes: dict[str, str]) -> None:
        self._count()
        self._depth += 1
        self._parser.CharacterDataHandler = None
        if self._depth == 4 and self._element is not None:
            texts: list[str] = []
            self._element.children.append(("{" + name, texts))
            self._parser.CharacterDataHandler = texts.append

    def _code_ended(self, _name: str) -> None:
        self._depth -= 1
        element = self._element
        if element is None:
            return
        if self._depth == 2:
            self.found.ends.append(self._end_of_tag())
            self._parser.StartElementHandler = self._field_began
            self._parser.EndElementHandler = self._header_ended
            self._parser.CharacterDataHandler = None
        elif self._depth == 3:
            self._parser.CharacterDataHandler = element.texts.append
        elif self._depth == 4:
            self._parser.CharacterDataHandler = element.children[-1][1].append

    def _count(self) -> None:
        self._elements += 1
        if self._elements > MAX_HEADER_ELEMENTS:
            refuse(f"The SOAP header has more than {MAX_HEADER_ELEMENTS} elements")

    # The Body, and whatever else is in the envelope.

    def _below_began(self, name: str, _attributes: dict[str, str]) -> None:
        self._depth += 1
        if self._depth == 3 and self._inside == _BODY:
            if name == _FAULT:
                self.found.has_fault = True
            if len(self.found.body_names) < 2:
                self.found.body_names.append(name.rpartition("}")[2])
            if not self._thorough and self.found.bodies == 1:
                self._first_child = self._parser.CurrentByteIndex
                self._parser.StartElementHandler = None
                self._parser.EndElementHandler = None
                return
        self._elements += 1
        if self._depth > MAX_DEPTH or self._elements > MAX_ELEMENTS:
            refuse(
                f"The SOAP message has more than {MAX_DEPTH} elements within each "
                f"other, or more than {MAX_ELEMENTS} in all"
            )

    def _below_ended(self, _name: str) -> None:
        self._depth -= 1
        if self._depth == 1:
            if self._inside == _BODY:
                self.found.body = (self.found.body[0], self._parser.CurrentByteIndex)
            self._watch_envelope()

    def _end_of_tag(self) -> int:
        """Return where the end tag ends; an empty element has ended already."""
        at = self._parser.CurrentByteIndex
        if self._content[at : at + 2] == b"</":
            return self._content.index(b">", at) + 1
        return at


def _name_at(content: bytes, at: int) -> bytes:
    found = _NAME.match(content, at)
    return found[1] if found else b""
