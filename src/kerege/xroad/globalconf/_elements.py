"""Reading a schema's sequences: children in order, each once, or many, or none."""

import base64
import binascii
import re
from datetime import UTC, datetime
from typing import NoReturn

from lxml import etree

from kerege.xroad import xml
from kerege.xroad.faults import XRoadError

CONF_NAMESPACE = "http://x-road.eu/xsd/xroad.xsd"

MAX_INTEGER = 2**31 - 1
"""The reference reads these numbers into a Java ``int``."""

_INTEGER = re.compile(r"[+-]?[0-9]{1,10}")
_BOOLEANS = {"true": True, "1": True, "false": False, "0": False}


class Fields:
    """The children of one element, taken one by one in the order of the schema.

    Children have no namespace. What is not taken is refused by `end`, unless the
    schema lets anything follow. Every refusal is an `XRoadError` with ``code``.
    """

    def __init__(self, element: etree._Element, code: str, what: str) -> None:
        self.element = element
        self._children = list(element.iterchildren(tag=etree.Element))
        self._next = 0
        self.code = code
        self._what = what

    def maybe(self, name: str) -> etree._Element | None:
        """Take the next child if it is ``name``."""
        if self._next < len(self._children):
            child = self._children[self._next]
            if child.tag == name:
                self._next += 1
                return child
        return None

    def one(self, name: str) -> etree._Element:
        """Take the next child, which must be ``name``."""
        child = self.maybe(name)
        if child is None:
            self.fail(f"{name} is missing in {self._name}{self._instead()}")
        return child

    def many(self, name: str) -> list[etree._Element]:
        """Take all children called ``name`` that come next."""
        start = self._next
        children = self._children
        while self._next < len(children) and children[self._next].tag == name:
            self._next += 1
        return children[start : self._next]

    def end(self) -> None:
        """Refuse children that nobody took."""
        if self._next < len(self._children):
            self.fail(f"{self._name} has an unexpected child{self._instead()}")

    def inside(self, element: etree._Element) -> "Fields":
        """Return the fields of a child."""
        return Fields(element, self.code, self._what)

    def text(self, name: str) -> str:
        """Take ``name`` and return its text, which must not be blank."""
        text = self.string(name)
        if not text.strip():
            self.fail(f"{name} is empty in {self._name}")
        return text

    def string(self, name: str) -> str:
        """Take ``name`` and return its text, which may be empty."""
        return self.text_of(self.one(name))

    def maybe_text(self, name: str) -> str | None:
        """Take ``name`` if it is next; blank text counts as absent."""
        child = self.maybe(name)
        text = "" if child is None else self.text_of(child)
        return text if text.strip() else None

    def data(self, name: str) -> bytes:
        """Take ``name`` and return its base64 content, decoded."""
        return self.data_of(self.one(name))

    def maybe_data(self, name: str) -> bytes | None:
        """Take ``name`` if it is next; empty content counts as absent."""
        child = self.maybe(name)
        return (None if child is None else self.data_of(child)) or None

    def all_data(self, name: str) -> tuple[bytes, ...]:
        """Take all ``name`` that come next and return their contents."""
        return tuple(self.data_of(child) for child in self.many(name))

    def integer(self, name: str) -> int:
        """Take ``name`` and return its whole number."""
        text = self.text(name).strip()
        if not _INTEGER.fullmatch(text) or abs(int(text)) > MAX_INTEGER:
            self.fail(f"{name} is not a whole number: {text[:255]!r}")
        return int(text)

    def boolean(self, name: str) -> bool:
        """Take ``name`` and return its truth value."""
        return self._boolean_of(self.one(name))

    def maybe_boolean(self, name: str) -> bool | None:
        """Take ``name`` if it is next and return its truth value."""
        child = self.maybe(name)
        return None if child is None else self._boolean_of(child)

    def choice(self, name: str, allowed: frozenset[str]) -> str | None:
        """Take ``name`` if it is next; its text must be one of ``allowed``."""
        child = self.maybe(name)
        if child is None:
            return None
        text = self.text_of(child)
        if text not in allowed:
            self.fail(f"{name} must not be {text[:255]!r}")
        return text

    def text_of(self, element: etree._Element) -> str:
        """Return the text of a leaf; comments in it do not count."""
        if not len(element):
            return element.text or ""
        if next(element.iterchildren(tag=etree.Element), None) is not None:
            self.fail(f"{element.tag!s} must not have child elements")
        return (element.text or "") + "".join(child.tail or "" for child in element)

    def data_of(self, element: etree._Element) -> bytes:
        """Return the base64 content of a leaf, decoded."""
        try:
            text = self.text_of(element).encode("ascii")
            return base64.b64decode(b"".join(text.split()), validate=True)
        except (binascii.Error, UnicodeEncodeError):
            self.fail(f"{element.tag!s} is not base64")

    def fail(self, message: str) -> NoReturn:
        """Refuse this document."""
        raise XRoadError(self.code, f"{self._what}: {message}") from None

    @property
    def _name(self) -> str:
        return etree.QName(self.element).localname

    def _boolean_of(self, element: etree._Element) -> bool:
        text = self.text_of(element).strip()
        if text not in _BOOLEANS:
            self.fail(f"{element.tag!s} is not true or false: {text[:255]!r}")
        return _BOOLEANS[text]

    def _instead(self) -> str:
        if self._next >= len(self._children):
            return ""
        return f": {str(self._children[self._next].tag)[:255]} is there"


def read_root(data: bytes, name: str, *, code: str, what: str) -> Fields:
    """Parse a document whose root is ``name`` in the configuration's namespace."""
    root = xml.parse(data, code=code, what=what)
    if root.tag != f"{{{CONF_NAMESPACE}}}{name}":
        raise XRoadError(code, f"{what}: the root is {root.tag!s}, not {name}")
    return Fields(root, code, what)


def read_time(fields: Fields, text: str) -> datetime:
    """Read an ``xs:dateTime``; one without a zone is taken as UTC."""
    try:
        time = datetime.fromisoformat(text.strip())
        return (time if time.tzinfo else time.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, OverflowError):
        fields.fail(f"{text[:255]!r} is not a date and time")


def write_root(name: str) -> etree._Element:
    """Return a root element, with the prefixes that the reference uses."""
    return etree.Element(
        f"{{{CONF_NAMESPACE}}}{name}",
        nsmap={"ns2": "http://x-road.eu/xsd/identifiers", "ns3": CONF_NAMESPACE},
    )


def put(parent: etree._Element, name: str, value: str | bytes | None = "") -> None:
    """Append a leaf; bytes are written in base64, None is left out.

    Raises ``malformed_global_conf`` for characters that XML cannot carry.
    """
    if value is None:
        return
    text = base64.b64encode(value).decode() if isinstance(value, bytes) else value
    try:
        etree.SubElement(parent, name).text = text
    except ValueError:
        raise XRoadError(
            "malformed_global_conf", f"{name} cannot be written: {text[:255]!r}"
        ) from None


def to_bytes(root: etree._Element) -> bytes:
    """Serialise a document in UTF-8 with a declaration, indented."""
    etree.indent(root, space="    ")
    return etree.tostring(root, xml_declaration=True, encoding="UTF-8")
