"""Remembering what was found out about an object, by the object itself.

Asking for the hash of a certificate hashes all its bytes, every time. Certificates are
read once and then handed around, so the object says as much as its bytes do.
"""

from collections.abc import Callable
from typing import Generic, TypeVar

K = TypeVar("K")
V = TypeVar("V")


class ByIdentity(Generic[K, V]):
    """A function of one argument with a memory. Arguments are kept alive by it."""

    def __init__(self, find: Callable[[K], V], most: int) -> None:
        """Remember the last ``most`` answers of ``find`` (all are dropped at once)."""
        self._find = find
        self._most = most
        self._known: dict[int, tuple[K, V]] = {}

    def __call__(self, key: K) -> V:
        """Return what ``find`` returns for this object, or raise what it raises."""
        known = self._known.get(id(key))
        if known is not None:
            return known[1]
        value = self._find(key)
        if len(self._known) >= self._most:
            self._known.clear()
        self._known[id(key)] = (key, value)
        return value
