r"""YAML and JSON from outside, read into plain values; and YAML written.

Rules (YAML 1.2 core schema, which OpenAPI asks for):

* Values are mappings with text as keys, lists, text, numbers, booleans and null. ``no``,
  ``2020-01-01`` and ``12:30`` are text, as OpenAPI's authors mean them.
* Aliases and merge keys (``<<``) are understood. What they stand for counts each time,
  so that ten lines cannot become a million.
* Tags other than YAML's own for these values are refused; no tag makes an object.

Every bound is checked while the document is read, event by event.
"""

import json
import math
import re
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from kerege.xroad.faults import XRoadError

if TYPE_CHECKING:
    from yaml.events import (
        AliasEvent,
        Event,
        MappingStartEvent,
        ScalarEvent,
        SequenceStartEvent,
    )

MAX_DEPTH = 64
"""Nesting of a document. Schemas written in place reach 20; writing is recursive."""
MAX_WEIGHT = 20 * 1024 * 1024
"""Values and characters of a document with all its aliases written out: twice the
largest description, which nobody reaches with honest aliases."""
MAX_VALUES = 500_000
"""Values of a document with all its aliases written out: about two seconds of work and
60 MB. Real descriptions have one in 20 to 35 bytes, so the largest have so many."""
MAX_DIGITS = 400
"""Characters of a number: more than any float has."""

_NULL = frozenset(("", "~", "null", "Null", "NULL"))
_BOOLEANS = {
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
}
_INTEGER = re.compile(r"[-+]?[0-9]+|0o[0-7]+|0x[0-9a-fA-F]+")
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?")
_STRING = re.compile(r'"(?:[^"\\]++|\\.)*+(?:"|\Z)', re.DOTALL)
"""A text of JSON; one that does not end goes to the end, so that looking for texts takes
no longer than the document is long."""
_TAG = "tag:yaml.org,2002:"
_PLAIN_KEY = re.compile(r"[A-Za-z_/][A-Za-z0-9_/.-]*")
"""Keys written without quotes, unless they would be read as something else."""
_NOT_WRITTEN = re.compile("[\u007f-\u009f\u2028\u2029\ufeff\ufffe\uffff]")
"""What YAML wants escaped and JSON does not."""

Value = Any
"""None, bool, int, float, str, list or dict of text to values."""


def read_json(content: bytes, *, code: str, what: str) -> Value:
    """Read a JSON document. Raises ``code`` for what is not JSON, or too much."""
    weight = _Weight(code, what)
    try:
        text = content.decode(json.detect_encoding(content))
        marks = _STRING.sub("", text)
        weight.add(sum(map(marks.count, ",[{")), 0)  # before they take memory
        value = json.loads(text.removeprefix("\ufeff"), parse_constant=_refuse_constant)
    except (ValueError, RecursionError) as error:
        raise XRoadError(code, f"{what} is not JSON: {_reason(error)}") from error
    weight = _Weight(code, what)
    weight.add_tree(value)
    return value


def read_yaml(content: bytes, *, code: str, what: str) -> Value:
    """Read a YAML document; JSON is YAML, too.

    Args:
        content: UTF-8, or UTF-16 with a byte-order mark.
        code: The fault code to raise with.
        what: What is being read, for the message.

    Raises:
        XRoadError: ``code``, for what is not one YAML document, or too much.
    """
    import yaml  # as late as this: servers without OpenAPI services never need it

    loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    try:
        return _Composer(code, what).compose(yaml.parse(content, loader))
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise XRoadError(code, f"{what} is not YAML: {_reason(error)}") from error


def write_json(value: Value) -> bytes:
    """Write a document as JSON."""
    return json.dumps(
        value, ensure_ascii=False, separators=(",", ":"), allow_nan=False
    ).encode("utf-8", "surrogatepass")


def write_yaml(value: Value) -> bytes:
    """Write a document as YAML: in blocks, all text in quotes, no aliases."""
    lines = ["---", *_block(value, "")]
    return ("\n".join(lines) + "\n").encode("utf-8", "surrogatepass")


class _Weight:
    """Counts what a document has, written out."""

    def __init__(self, code: str, what: str) -> None:
        self.values = 0
        self.total = 0
        self._code = code
        self._what = what

    def add(self, values: int, weight: int) -> None:
        self.values += values
        self.total += weight
        if self.values > MAX_VALUES or self.total > MAX_WEIGHT:
            raise XRoadError(
                self._code,
                f"{self._what} is too large: more than {MAX_VALUES} values or "
                f"{MAX_WEIGHT} characters, with all aliases written out",
            )

    def require_depth(self, depth: int) -> None:
        if depth > MAX_DEPTH:
            raise XRoadError(
                self._code, f"{self._what} is nested deeper than {MAX_DEPTH} levels"
            )

    def add_tree(self, value: Value) -> None:
        """Count values that are there already."""
        waiting = [(value, 1)]
        while waiting:
            one, depth = waiting.pop()
            self.add(1, 1 + (len(one) if isinstance(one, str) else 0))
            if isinstance(one, float) and not math.isfinite(one):
                raise XRoadError(self._code, f"{self._what} has a number out of range")
            if isinstance(one, dict | list):
                self.require_depth(depth)
                inner = one.values() if isinstance(one, dict) else one
                waiting.extend((each, depth + 1) for each in inner)
                if isinstance(one, dict):
                    self.add(0, sum(map(len, one)))


class _Collection:
    """A mapping or a list that is being read."""

    __slots__ = ("anchor", "before", "height", "key", "merged", "merges", "value")

    def __init__(
        self, value: dict[str, Value] | list[Value], anchor: str | None, before: _Weight
    ) -> None:
        self.value = value
        self.anchor = anchor
        self.before = (before.values, before.total)
        self.key: str | None = None
        self.merges = False
        """Whether the key is ``<<``."""
        self.height = 1
        """Levels in it, so far."""
        self.merged: list[Value] = []
        """What ``<<`` brings."""


class _Composer:
    """Makes values of YAML's events, without recursion."""

    def __init__(self, code: str, what: str) -> None:
        self._code = code
        self._what = what
        self._weight = _Weight(code, what)
        self._open: list[_Collection] = []
        self._anchors: dict[str, tuple[Value, int, int, int]] = {}
        """By name: the value; how many values, what weight and levels it has."""
        self._documents: list[Value] = []

    def compose(self, parsed: "Iterator[Event]") -> Value:
        from yaml import events

        for event in parsed:
            if isinstance(event, events.ScalarEvent):
                self._take_scalar(event)
            elif isinstance(event, events.AliasEvent):
                self._take_alias(event)
            elif isinstance(event, events.MappingStartEvent):
                self._begin({}, "map", event)
            elif isinstance(event, events.SequenceStartEvent):
                self._begin([], "seq", event)
            elif isinstance(event, events.CollectionEndEvent):
                self._end()
        if len(self._documents) != 1:
            msg = f"has {len(self._documents)} documents instead of one"
            raise self._wrong(msg)
        return self._documents[0]

    def _take_scalar(self, event: "ScalarEvent") -> None:
        before = (self._weight.values, self._weight.total)
        self._weight.add(1, 1 + len(event.value))
        if self._expects_key():
            parent = self._open[-1]
            parent.key = event.value  # as it is written: 200 and 1.10 are text, too
            parent.merges = event.value == "<<" and event.implicit[0]
            value: Value = event.value
        else:
            value = self._scalar(event)
            self._put(value)
        self._remember(event.anchor, value, before, 0)

    def _take_alias(self, event: "AliasEvent") -> None:
        found = self._anchors.get(event.anchor or "")
        if found is None:
            msg = f"has an alias to {str(event.anchor)[:80]!r}, not known"
            raise self._wrong(msg)
        value, values, weight, height = found
        self._weight.add(values, weight)
        self._weight.require_depth(len(self._open) + height)
        if self._expects_key():
            if not isinstance(value, str):
                raise self._wrong("has a key that is not text")
            self._open[-1].key = value
            return
        self._note_height(height)
        self._put(value)

    def _begin(
        self,
        value: dict[str, Value] | list[Value],
        kind: str,
        event: "MappingStartEvent | SequenceStartEvent",
    ) -> None:
        if event.tag not in (None, "!", f"{_TAG}{kind}"):
            msg = f"has the tag {str(event.tag)[:80]!r}"
            raise self._wrong(msg)
        if self._expects_key():
            raise self._wrong("has a key that is not text")
        self._open.append(_Collection(value, event.anchor, self._weight))
        self._weight.require_depth(len(self._open))
        self._weight.add(1, 1)

    def _end(self) -> None:
        ended = self._open.pop()
        value = ended.value
        if isinstance(value, dict):
            for merged in reversed(ended.merged):
                for key, inner in merged.items():
                    value.setdefault(key, inner)
        self._note_height(ended.height)
        self._remember(ended.anchor, value, ended.before, ended.height)
        self._put(value)

    def _put(self, value: Value) -> None:
        """Put a value where the document has it."""
        if not self._open:
            self._documents.append(value)
            return
        parent = self._open[-1]
        if isinstance(parent.value, list):
            parent.value.append(value)
            return
        key, parent.key = parent.key, None
        if parent.merges:
            parent.merges = False
            parent.merged.extend(self._mappings(value))
        else:
            parent.value[key or ""] = value

    def _mappings(self, value: Value) -> list[dict[str, Value]]:
        found = value if isinstance(value, list) else [value]
        if not all(isinstance(one, dict) for one in found):
            raise self._wrong("merges what is no mapping")
        return list(reversed(found))

    def _expects_key(self) -> bool:
        if not self._open:
            return False
        parent = self._open[-1]
        return isinstance(parent.value, dict) and parent.key is None

    def _note_height(self, height: int) -> None:
        if self._open:
            parent = self._open[-1]
            parent.height = max(parent.height, height + 1)

    def _remember(
        self, anchor: str | None, value: Value, before: tuple[int, int], height: int
    ) -> None:
        if anchor is not None:
            values, weight = before
            counted = self._weight
            self._anchors[anchor] = (
                value,
                counted.values - values,
                counted.total - weight,
                height,
            )

    def _scalar(self, event: "ScalarEvent") -> Value:
        text = event.value
        if event.tag is None or event.tag == "!":
            is_text = event.tag == "!" or not event.implicit[0]
            return text if is_text else self._plain(text)
        kind = event.tag.removeprefix(_TAG)
        if kind == "str":
            return text
        if kind in ("null", "bool", "int", "float"):
            return self._plain(text)
        msg = f"has the tag {event.tag[:80]!r}"
        raise self._wrong(msg)

    def _plain(self, text: str) -> Value:
        if text in _NULL:
            return None
        if text in _BOOLEANS:
            return _BOOLEANS[text]
        if _INTEGER.fullmatch(text) or _FLOAT.fullmatch(text):
            return self._number(text)
        return text

    def _number(self, text: str) -> int | float:
        if len(text) > MAX_DIGITS:
            raise self._wrong("has a number out of range")
        if text.startswith(("0x", "0o")):
            return int(text, 0)
        if _INTEGER.fullmatch(text):
            return int(text)
        number = float(text)
        if not math.isfinite(number):
            raise self._wrong("has a number out of range")
        return number

    def _wrong(self, problem: str) -> XRoadError:
        return XRoadError(self._code, f"{self._what} {problem}")


def _refuse_constant(name: str) -> None:
    msg = f"{name} is no number of JSON"
    raise ValueError(msg)


def _reason(error: Exception) -> str:
    """Return what a parser says, in one line."""
    if isinstance(error, RecursionError):
        return "it is nested too deep"
    return " ".join(str(error).split())[:300]


def _block(value: Value, indent: str) -> Iterator[str]:
    """Yield the lines of a value, each with its indentation."""
    if isinstance(value, dict) and value:
        for key, inner in value.items():
            yield from _entry(f"{indent}{_key_text(key)}:", inner, indent)
    elif isinstance(value, list) and value:
        for inner in value:
            yield from _entry(f"{indent}-", inner, indent)
    else:
        yield f"{indent}{_scalar_text(value)}"


def _entry(start: str, value: Value, indent: str) -> Iterator[str]:
    if not isinstance(value, dict | list) or not value:
        yield f"{start} {_scalar_text(value)}"
        return
    lines = _block(value, indent + "  ")
    if start.endswith("-"):  # its first line stands beside the dash
        yield start + next(lines)[len(indent) + 1 :]
    else:
        yield start
    yield from lines


def _key_text(key: str) -> str:
    is_plain = _PLAIN_KEY.fullmatch(key) and key not in _NULL and key not in _BOOLEANS
    return key if is_plain else _quoted(key)


def _scalar_text(value: Value) -> str:
    if isinstance(value, str):
        return _quoted(value)
    return json.dumps(value, allow_nan=False)


def _quoted(text: str) -> str:
    quoted = json.dumps(text, ensure_ascii=False)
    return _NOT_WRITTEN.sub(lambda found: f"\\u{ord(found[0]):04x}", quoted)
