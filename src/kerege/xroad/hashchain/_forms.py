"""Reading hash chains that are like one that was read: only the digests differ.

See `kerege.xroad.skeleton` for the rules. A message with one attachment has the same
chain as the next one, but for four digests.
"""

import binascii
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from string import ascii_letters, digits
from typing import Generic, TypeVar

from kerege.xroad.algorithms import SHA512
from kerege.xroad.faults import XRoadError
from kerege.xroad.hashchain import _read
from kerege.xroad.hashchain._read import Chain, Entry, Result
from kerege.xroad.skeleton import Forms, Skeleton

MOST_BYTES = 16 * 1024
"""Longest document whose form is kept: a chain of 30 steps."""
MOST_FORMS = 128
"""Forms kept of each kind, 4 KB each: there is one for each number of attachments, and
for each place in a tree of up to 32 messages, of each implementation."""
_BASE64 = f"{ascii_letters}{digits}+/=".encode()

T = TypeVar("T")


def read_result(data: bytes) -> Result:
    """Read a ``HashChainResult`` document. Raises as `verify_hash_chain` says."""
    return _results.read(data)


def read_chain(data: bytes) -> Chain:
    """Read a ``HashChain`` document. Raises as `verify_hash_chain` says."""
    return _chains.read(data)


@dataclass(frozen=True, slots=True)
class _Kind(Generic[T]):
    """One kind of document: its parser, and how its digests are taken out and put in."""

    parse: Callable[[bytes], T]
    digests: Callable[[T], list[bytes]]
    with_digests: Callable[[T, Sequence[bytes]], T]


@dataclass(frozen=True, slots=True)
class _Form(Generic[T]):
    kind: _Kind[T]
    skeleton: Skeleton
    example: T

    def read(self, document: bytes) -> T | None:
        texts = self.skeleton.read(document)
        if texts is None:
            return None
        try:
            values = [binascii.a2b_base64(text, strict_mode=True) for text in texts]
        except ValueError:
            return None
        return self.kind.with_digests(self.example, values)

    def is_proven(self, values: Iterable[bytes]) -> bool:
        """Whether the parser finds other values where this form says they are."""
        others = [SHA512.of(value)[: len(value)] for value in values]
        probe = self.skeleton.filled([_base64(value) for value in others])
        try:
            return self.read(probe) == self.kind.parse(probe)
        except XRoadError:
            return False


class _Reader(Generic[T]):
    """A parser that remembers the forms of what it has parsed."""

    def __init__(self, kind: _Kind[T]) -> None:
        self._kind = kind
        self._forms: Forms[T] = Forms(MOST_FORMS, _shape)

    def read(self, document: bytes) -> T:
        known = self._forms.read(document)
        if known is not None:
            return known
        parsed = self._kind.parse(document)
        if len(document) <= MOST_BYTES and self._forms.may_learn(document):
            self._forms.learn(document, self._form(document, parsed))
        return parsed

    def _form(self, document: bytes, parsed: T) -> _Form[T] | None:
        values = self._kind.digests(parsed)
        skeleton = Skeleton.of(document, [_base64(value) for value in values])
        if skeleton is None:
            return None
        form = _Form(self._kind, skeleton, parsed)
        return form if form.is_proven(values) else None


def _shape(document: bytes) -> bytes:
    """Return what no digest has: which elements stand where, by their punctuation.

    The chains of a batch have many shapes, several of them of the same length.
    """
    return document.translate(None, _BASE64)


def _base64(value: bytes) -> bytes:
    return binascii.b2a_base64(value, newline=False)


def _result_digests(result: Result) -> list[bytes]:
    return [result.value]


def _result_with(result: Result, digests: Sequence[bytes]) -> Result:
    return Result(result.uri, result.digest, digests[0])


def _chain_digests(chain: Chain) -> list[bytes]:
    entries = (entry for step in chain.steps.values() for entry in step)
    return [entry.value for entry in entries if entry.value]


def _chain_with(chain: Chain, digests: Sequence[bytes]) -> Chain:
    left = iter(digests)
    return Chain(
        {
            name: tuple([_entry_with(entry, left) for entry in step])
            for name, step in chain.steps.items()
        }
    )


def _entry_with(entry: Entry, left: Iterator[bytes]) -> Entry:
    if not entry.value:
        return entry
    return Entry(entry.kind, entry.uri, entry.digest, next(left), entry.transforms)


_results = _Reader(_Kind(_read.read_result, _result_digests, _result_with))
_chains = _Reader(_Kind(_read.read_chain, _chain_digests, _chain_with))
