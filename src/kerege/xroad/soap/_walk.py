"""Expat's way through an envelope: what it notes, and where it goes on alone.

Expat calls handlers for the envelope and its Header. At the first element of the Body
they are taken away, so that nothing is made of what is in there, or replaced by ones
that only count, if that is asked for. Handlers are closures: methods take twice as long.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import NamedTuple
from xml.parsers import expat

from kerege.xroad.soap._encoding import UTF_8, declared_encoding
from kerege.xroad.soap._names import (
    ENVELOPE_NAMESPACE,
    MAX_DEPTH,
    MAX_ELEMENTS,
    MAX_HEADER_ELEMENTS,
    XINCLUDE_NAMESPACE,
    refuse,
)

_ENV = f"{ENVELOPE_NAMESPACE}}}"
_ENVELOPE, _HEADER, _BODY = _ENV + "Envelope", _ENV + "Header", _ENV + "Body"
_FAULT = _ENV + "Fault"
_XINCLUDE = XINCLUDE_NAMESPACE.encode()


class Element(NamedTuple):
    """A child of the Header, with its own children."""

    name: str
    """``{namespace}local``; ``{local`` is one that has none."""
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
    """What was found in an envelope, and at which offsets.

    Where an element ends is the offset of its end tag; of an empty one, what follows.
    """

    header: list[Element] = field(default_factory=list)
    ends: list[int] = field(default_factory=list)
    """Where each element of `header` ends."""
    headers: list[int] = field(default_factory=list)
    """Where each Header begins."""
    bodies: int = 0
    body_names: list[str] = field(default_factory=list)
    """Local names of the Body's elements; two are too many, so no more are noted."""
    body: tuple[int, int] = (0, 0)
    """Where the last Body begins and ends."""
    has_fault: bool = False
    encoding_style: str | None = None
    root: tuple[int, int] = (0, 0)
    """Where the envelope begins and ends."""
    stopped_at: int = -1
    """Where the Body's first element begins, if nothing after it was noted."""


def walk(content: bytes, *, thorough: bool) -> Scan:
    """Parse an envelope in UTF-8 and note what is in its Header.

    Args:
        content: The envelope; one that has passed `scan`'s own checks.
        thorough: Whether to count what is in the Body, and note what is after it.

    Raises:
        XRoadError: ``invalid_soap``.
    """
    found = Scan()
    parser = _parser(content)
    _watch(parser, found, thorough=thorough)
    try:
        parser.Parse(content, True)
    except expat.ExpatError as error:
        refuse(f"The SOAP message is not well-formed XML: {error}")
    finally:
        # The handlers know the parser: without these it would wait for the collector.
        parser.StartElementHandler = None
        parser.EndElementHandler = None
        parser.CharacterDataHandler = None
    return found


def _watch(parser: expat.XMLParserType, found: Scan, *, thorough: bool) -> None:
    """Watch the envelope and its parts, whatever they are."""
    depth, elements, in_body = 0, 0, False

    def began(name: str, attributes: dict[str, str]) -> None:
        nonlocal depth, elements, in_body
        depth += 1
        elements += 1
        at = parser.CurrentByteIndex
        if depth == 1:
            _root_began(found, at, name, attributes)
        elif depth == 2 and name == _HEADER:
            found.headers.append(at)
            _watch_header(parser, found, watch)
        elif depth == 2:
            in_body = name == _BODY
            if in_body:
                found.bodies += 1
                found.body = (at, at)
        elif depth == 3 and in_body:
            _child_began(found, name)
            found.stopped_at = -1 if thorough else at
            _leave_body(parser, found, watch if thorough else None)
        elif elements > MAX_HEADER_ELEMENTS:
            refuse(f"The envelope has more than {MAX_HEADER_ELEMENTS} elements around")

    def ended(_name: str) -> None:
        nonlocal depth
        depth -= 1
        found.root = (found.root[0], parser.CurrentByteIndex)

    def watch() -> None:
        nonlocal depth
        depth = min(depth, 1)
        parser.StartElementHandler, parser.EndElementHandler = began, ended

    watch()


def _root_began(found: Scan, at: int, name: str, attributes: dict[str, str]) -> None:
    if name != _ENVELOPE:
        refuse(f"Expected a SOAP 1.1 envelope, got {name[:255]!r}", repr(name[:255]))
    found.root = (at, at)
    found.encoding_style = attributes.get(_ENV + "encodingStyle")


def _child_began(found: Scan, name: str) -> None:
    found.has_fault = found.has_fault or name == _FAULT
    if len(found.body_names) < 2:
        found.body_names.append(name.rpartition("}")[2])


def _watch_header(
    parser: expat.XMLParserType, found: Scan, watch: Callable[[], None]
) -> None:
    """Watch a Header until it ends."""
    header = found.header
    keepers: list[Callable[[str], None]] = []  # where text goes, of open elements
    left = MAX_HEADER_ELEMENTS - len(header)

    def began(name: str, attributes: dict[str, str]) -> None:
        nonlocal left
        left -= 1
        if left < 0:
            refuse(f"The SOAP header has more than {MAX_HEADER_ELEMENTS} elements")
        texts: list[str] = []
        parser.CharacterDataHandler = keep = texts.append
        if not keepers:
            at = parser.CurrentByteIndex
            header.append(Element("{" + name, attributes, texts, [], at))
        elif len(keepers) == 1:
            header[-1].children.append(("{" + name, texts))
        keepers.append(keep)

    def ended(_name: str) -> None:
        if len(keepers) > 1:
            keepers.pop()
            parser.CharacterDataHandler = keepers[-1]
        elif keepers:
            keepers.pop()
            parser.CharacterDataHandler = None
            found.ends.append(parser.CurrentByteIndex)
        else:
            watch()

    parser.StartElementHandler, parser.EndElementHandler = began, ended


def _leave_body(
    parser: expat.XMLParserType, found: Scan, watch: Callable[[], None] | None
) -> None:
    """Take the handlers away, or put those in their place that count."""
    if watch is None:
        parser.StartElementHandler = None
        parser.EndElementHandler = None
        return
    depth, elements = 1, 1

    def began(name: str, _attributes: dict[str, str]) -> None:
        nonlocal depth, elements
        depth += 1
        elements += 1
        if depth > MAX_DEPTH or elements > MAX_ELEMENTS:
            refuse(
                f"The SOAP message has more than {MAX_DEPTH} elements within each "
                f"other, or more than {MAX_ELEMENTS} in all"
            )
        if depth == 1:
            _child_began(found, name)

    def ended(_name: str) -> None:
        nonlocal depth
        depth -= 1
        if depth < 0:
            found.body = (found.body[0], parser.CurrentByteIndex)
            watch()

    parser.StartElementHandler, parser.EndElementHandler = began, ended


def _parser(content: bytes) -> expat.XMLParserType:
    """Return a parser that refuses what may not be there at all."""

    def doctype(*_: object) -> None:
        refuse("The SOAP message has a DOCTYPE, which is not allowed")

    def declaration(_version: str, encoding: str | None, _alone: int) -> None:
        if (encoding or "").lower() != (declared_encoding(content) or ""):
            refuse("The SOAP message has an XML declaration that is not understood")

    def namespace(_prefix: str | None, uri: str | None) -> None:
        if uri == XINCLUDE_NAMESPACE:
            refuse("The SOAP message has XInclude, which is not allowed")

    parser = expat.ParserCreate(UTF_8, "}")
    parser.buffer_text = True
    parser.StartDoctypeDeclHandler = doctype
    parser.XmlDeclHandler = declaration
    if _XINCLUDE in content:
        parser.StartNamespaceDeclHandler = namespace
    return parser
