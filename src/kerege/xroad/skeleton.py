"""Documents that differ in a few values only, read without parsing them again.

One signer's signatures are the same bytes over and over but for some digests, a value
and a time. Who has parsed one of them knows where these stand in the next. Rules:

* A skeleton is the fixed bytes and the slots between them, of fixed length. A document
  fits only if every fixed byte is the same.
* What stands in a slot is for the caller to judge; it must not be able to change what
  the document is. Base64 and times cannot: they have no character that XML knows.
* That holds for UTF-8 only: in UTF-7 a ``+`` begins something else. A document that
  says, or begins like, another encoding has no skeleton.
* Where a value stands is found by looking for it, so it can be found in the wrong
  place: the caller fills in other values, parses that, and believes the skeleton only
  if the parser finds them where they were put.
"""

import re
from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Generic, Protocol, Self, TypeVar

_UTF_8 = re.compile(
    rb"<\?xml version=[\"']1\.0[\"'] encoding=[\"']UTF-8[\"']|<[A-Za-z]", re.IGNORECASE
)
"""How a document in UTF-8 begins: it says so, or has no declaration."""


@dataclass(frozen=True, slots=True)
class Skeleton:
    """The fixed bytes of a document, and the slots between them."""

    length: int
    """Of the document, in bytes."""
    fixed: tuple[tuple[int, int, bytes], ...]
    """Fixed bytes, with where they begin and end."""
    slots: tuple[tuple[int, int], ...]
    """Where the values begin and end, in the order that they were given."""
    order: tuple[int, ...]
    """Which value stands behind each of the fixed bytes but the last."""

    @classmethod
    def of(cls, document: bytes, values: Sequence[bytes]) -> Self | None:
        """Find ``values`` in a document; None if one is not there exactly once."""
        if not _UTF_8.match(document):
            return None
        slots = []
        for value in values:
            if not value or document.count(value) != 1:
                return None
            begin = document.index(value)
            slots.append((begin, begin + len(value)))
        position, fixed = 0, []
        for begin, end in sorted(slots):
            if begin < position:
                return None
            fixed.append((position, begin, document[position:begin]))
            position = end
        fixed.append((position, len(document), document[position:]))
        order = sorted(range(len(slots)), key=slots.__getitem__)
        return cls(len(document), tuple(fixed), tuple(slots), tuple(order))

    def read(self, document: bytes) -> tuple[bytes, ...] | None:
        """Return what stands in the slots; None if the document does not fit."""
        if len(document) != self.length:
            return None
        for begin, end, expected in self.fixed:
            if document[begin:end] != expected:
                return None
        return tuple([document[begin:end] for begin, end in self.slots])

    def filled(self, values: Sequence[bytes]) -> bytes:
        """Return the document with ``values``, each as long as its slot."""
        pieces = [self.fixed[0][2]]
        for index, (_, _, fixed) in zip(self.order, self.fixed[1:], strict=True):
            pieces += (values[index], fixed)
        return b"".join(pieces)


T_co = TypeVar("T_co", covariant=True)
T = TypeVar("T")


class Form(Protocol[T_co]):
    """A kind of document of which one was parsed."""

    def read(self, document: bytes) -> T_co | None:
        """Return exactly what the parser would; None if it must be asked."""
        ...


class Forms(Generic[T]):
    """The kinds of documents that came last; a bounded number of them."""

    def __init__(
        self, most: int, tell_apart: Callable[[bytes], bytes] = lambda _: b""
    ) -> None:
        """Start with nothing remembered.

        Args:
            most: Forms kept.
            tell_apart: Returns bytes of a document, besides its length, by which
                documents of different forms differ; no value may lie in them.
        """
        self._most = most
        self._tell_apart = tell_apart
        self._forms: OrderedDict[tuple[int, bytes], Form[T] | None] = OrderedDict()

    def read(self, document: bytes) -> T | None:
        """Return what the parser would; None if it must be asked."""
        key = self._key(document)
        form = self._forms.get(key)
        if form is None:
            return None
        self._forms.move_to_end(key)
        return form.read(document)

    def may_learn(self, document: bytes) -> bool:
        """Whether a document that could not be read may have a form.

        A form that a document like it does not fit any more is out of date.
        """
        return self._forms.get(self._key(document), self) is not None

    def learn(self, document: bytes, form: Form[T] | None) -> None:
        """Remember a form, or that there is none for documents like this one."""
        key = self._key(document)
        self._forms[key] = form
        self._forms.move_to_end(key)
        while len(self._forms) > self._most:
            self._forms.popitem(last=False)

    def _key(self, document: bytes) -> tuple[int, bytes]:
        return len(document), self._tell_apart(document)
