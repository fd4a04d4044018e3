"""Which names have a series of their own: a bounded number, whatever strangers send.

Imports next to nothing: the supervisor, which must stay small, uses it too.
"""

import json
from collections.abc import Iterable, Iterator, Mapping

PROVEN_NAMES = 500
"""Services, and clients, that have a series: more than a server has in practice."""
REFUSED_NAMES = 100
"""The same for names that were only seen in refused messages."""
MAX_NAME_CHARACTERS = 200
"""Five codes of 40 characters; longer ones are ``other``."""
MAX_CODES = 200
"""Fault codes that have a series; a peer may send anything."""
OTHER = "other"
PASSED = "passed"
_CODES = "kerege_messages_total"
_SERVICES = "kerege_messages_by_service_total"
_CLIENTS = "kerege_messages_by_client_total"
OVER_LIMIT = "kerege_messages_over_limit_total"


def count_key(name: str, labels: tuple[str, ...], part: str = "") -> str:
    """Return the key of a count; ``part`` is a histogram's bound, or its sum."""
    return json.dumps([name, labels, part], ensure_ascii=False)


def parsed_key(key: str) -> tuple[str, tuple[str, ...], str]:
    """Return name, labels and part of a count's key; empty ones if it is none."""
    try:
        name, labels, part = json.loads(key)
        return str(name), tuple(map(str, labels)), str(part)
    except (ValueError, TypeError, RecursionError):
        return "", (), ""


class Names:
    """Which names get a series of their own."""

    def __init__(self, proven: int, refused: int) -> None:
        """Give a place to so many names of each kind."""
        self._most = (refused, proven)
        self._names: tuple[set[str], set[str]] = (set(), set())

    def label(self, name: str, *, is_proven: bool) -> str:
        """Return the name, or ``other`` if there is no place for it."""
        refused, proven = self._names
        if name in proven:
            return name
        if name in refused and not is_proven:
            return name
        if not name or len(name) > MAX_NAME_CHARACTERS:
            return OTHER
        places = self._names[is_proven]
        if len(places) >= self._most[is_proven]:
            return name if name in refused else OTHER
        places.add(name)
        if is_proven:
            refused.discard(name)
        return name


class Folding:
    """Bounds the names of many workers' counts together, as each worker does its own.

    Each worker has its own few names that were only refused; all workers that ever
    ended would have names without end, and no place for counts of messages that passed.
    """

    def __init__(self, keys: Iterable[str]) -> None:
        """Begin with the keys that have a place already."""
        self._names = {
            _SERVICES: Names(PROVEN_NAMES, REFUSED_NAMES),
            _CLIENTS: Names(PROVEN_NAMES, REFUSED_NAMES),
            _CODES: Names(0, MAX_CODES),
            OVER_LIMIT: Names(0, REFUSED_NAMES),
        }
        for key in sorted(keys, key=_what_passed_first):
            self._bounded(key)

    def bounded(self, counts: Mapping[str, float]) -> Iterator[tuple[str, float]]:
        """Yield counts under keys that have a place, those of what passed first."""
        for key in sorted(counts, key=_what_passed_first):
            yield self._bounded(key), counts[key]

    def _bounded(self, key: str) -> str:
        name, labels, part = parsed_key(key)
        names = self._names.get(name)
        if names is None or len(labels) != 3:
            return key
        side, label, last = labels
        if name == _CODES:
            code = last and names.label(last, is_proven=False)
            return count_key(name, (side, label, code), part)
        label = names.label(label, is_proven=last == PASSED)
        return count_key(name, (side, label, last), part)


def _what_passed_first(key: str) -> bool:
    """Sort what was refused behind everything else."""
    name, labels, _ = parsed_key(key)
    return name in (_SERVICES, _CLIENTS) and labels[-1:] != (PASSED,)
