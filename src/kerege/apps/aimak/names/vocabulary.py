"""Candidates for a misspelled name, from a vocabulary, ranked and with the reason.

The vocabulary is whatever can look keys up: tables in a database, or the one in memory
here, for tests and for small registers. It is asked at most three times for a word: for
up to one mistake; for names that begin so, if the name itself is not there; and for up
to two mistakes, if nothing good came.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from enum import Enum
from typing import Protocol

from .alphabet import clean
from .distance import EXACT, rank_folded
from .folding import fold, readings
from .keys import BEGINNINGS, bases, beginning, index_keys, look_up_keys

MAX_CANDIDATES = 20
"""Names that people are looked for by: more would find everybody."""
MAX_ENTRIES = 2_000
"""Entries that one look-up may bring; ranking them takes some 50 ms."""
SAME = 0.93
"""From this rank on a name is a spelling of the word, not a near miss."""
GOOD = 0.85
"""From this rank on there is no need to look for two mistakes."""
LEAST = 0.62
"""Below this rank two names have nothing to do with each other."""
_TYPED_OTHERWISE = 0.9
"""What a rank is worth if it takes the keyboard to have been in the other layout."""
_BEGINNING = 0.9


class Reason(Enum):
    """Why a name is a candidate, the best reason first."""

    EXACT = "exact"
    SPELLING = "spelling"
    ENDING = "ending"
    BEGINNING = "beginning"
    SIMILAR = "similar"
    LAYOUT = "layout"


@dataclass(frozen=True, slots=True)
class Entry:
    """A name of the vocabulary."""

    id: int
    text: str
    folded: str


@dataclass(frozen=True, slots=True)
class Candidate:
    """A name that may be meant."""

    id: int
    text: str
    rank: float
    """From `LEAST` to 1."""
    reason: Reason


class Vocabulary(Protocol):
    """Where names are looked up by their keys."""

    def find(self, keys: Collection[str], mistakes: int) -> Iterable[Entry]:
        """Return names that have one of the keys with at most so many deletions.

        At most `MAX_ENTRIES`, each once, those with fewest deletions first.
        """
        ...


class MemoryVocabulary:
    """A vocabulary in memory."""

    def __init__(self, names: Iterable[str]) -> None:
        self._entries: list[Entry] = []
        self._rows: dict[str, list[tuple[int, int]]] = defaultdict(list)
        for text in dict.fromkeys(names):
            number = len(self._entries)
            self._entries.append(Entry(number, text, fold(text)))
            for key, deleted in index_keys(text).items():
                self._rows[key].append((deleted, number))

    def find(self, keys: Collection[str], mistakes: int) -> Iterator[Entry]:
        """See `Vocabulary.find`."""
        fewest: dict[int, int] = {}
        for key in keys:
            for deleted, number in self._rows.get(key, ()):
                if deleted <= mistakes:
                    fewest[number] = min(deleted, fewest.get(number, deleted))
        in_order = sorted(fewest, key=lambda number: (fewest[number], number))
        return (self._entries[number] for number in in_order[:MAX_ENTRIES])


def candidates(
    word: str,
    vocabulary: Vocabulary,
    *,
    typed_otherwise: str | None = None,
    limit: int = MAX_CANDIDATES,
) -> list[Candidate]:
    """Return the names of the vocabulary that a word may mean, the likeliest first.

    Args:
        word: one word as it was typed, in any spelling.
        vocabulary: where to look.
        typed_otherwise: what the same keys write in the other layout, if that may be
            meant (`keyboard.other_layout`).
        limit: how many to return at most.

    Never raises of itself; empty if no name is near.
    """
    asked = [(word, reading, 1.0) for reading in readings(word)]
    if typed_otherwise:
        folded = fold(typed_otherwise)
        asked += [(typed_otherwise, folded, _TYPED_OTHERWISE)] if folded else []
    if not asked:
        return []
    folds = [reading for _, reading, _ in asked]
    found = _ranked(vocabulary.find(look_up_keys(folds, 1), 1), asked)
    if _best(found) < SAME:
        starts = {beginning(f) for f in folds if len(f) >= BEGINNINGS.start}
        found = _ranked(vocabulary.find(starts, 0), asked) | found
    if _best(found) < GOOD:
        found = _ranked(vocabulary.find(look_up_keys(folds, 2), 2), asked) | found
    in_order = sorted(found.values(), key=lambda c: (-c.rank, c.text))
    return in_order[:limit]


def _best(found: dict[int, Candidate]) -> float:
    return max((candidate.rank for candidate in found.values()), default=0.0)


def _ranked(
    entries: Iterable[Entry], asked: list[tuple[str, str, float]]
) -> dict[int, Candidate]:
    found: dict[int, Candidate] = {}
    for entry in entries:
        best = max(
            (_judged(entry, word, reading, worth) for word, reading, worth in asked),
            key=lambda candidate: candidate.rank,
        )
        if best.rank >= LEAST:
            found[entry.id] = best
    return found


def _judged(entry: Entry, word: str, reading: str, worth: float) -> Candidate:
    rank, reason = _rank_and_reason(entry, word, reading)
    if worth < 1:
        rank, reason = rank * worth, Reason.LAYOUT
    return Candidate(entry.id, entry.text, rank, reason)


def _rank_and_reason(entry: Entry, word: str, reading: str) -> tuple[float, Reason]:
    if clean(word) == clean(entry.text):
        return EXACT, Reason.EXACT
    rank = rank_folded(reading, word, entry.folded, entry.text)
    if reading == entry.folded:
        return rank, Reason.SPELLING
    if len(reading) >= BEGINNINGS.start and entry.folded.startswith(reading):
        share = len(reading) / len(entry.folded)
        begun = LEAST + (_BEGINNING - LEAST) * share
        if begun > rank:
            return begun, Reason.BEGINNING
    same_stem = bool(bases(reading) & bases(entry.folded))
    return rank, Reason.ENDING if same_stem else Reason.SIMILAR
