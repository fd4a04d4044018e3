"""The rows by which a plain indexed table finds misspelled names.

Millions of people share some hundred thousand names, so a misspelled name is looked for
among the names, and then people by their names' numbers. For each name a table has rows
(key, deleted, number of the name); an equality look-up is all the database must do, so
every database does it alike, and no collation or extension has a say.

Keys are the folded name and what is left of it when one or two letters are deleted: if
two names are one or two mistakes apart (a letter more, less, wrong, or two swapped), then
some deletion of the one equals some deletion of the other. Only the first `PREFIX`
letters count, which keeps this true and bounds the rows. Surnames have the keys of their
stem too, so that Асанова finds Асанов, and each name has keys for its beginnings, which
end in `*`.

The idea of deletions instead of all edits is that of SymSpell (Wolf Garbe, 2012).
"""

from collections.abc import Iterable
from itertools import combinations

from .endings import split_ending
from .folding import readings

PREFIX = 7
"""Letters of a folded name that make its keys: at most 1 + 7 + 21 keys."""
ONE_MISTAKE_FROM = 4
"""Letters of a name in which one mistake is looked for; below, two of three names of
three letters would be candidates for each other."""
TWO_MISTAKES_FROM = 7
BEGINNINGS = range(3, 7)
"""Lengths of the beginnings of a name by which it is found."""
MAX_KEYS = 150
"""Of one word. Measured on names of a country: 40 on average, 90 at most."""


def keys(token: str) -> set[str]:
    """Return all keys of one word, to store or to look up."""
    return set(index_keys(token))


def index_keys(token: str) -> dict[str, int]:
    """Return the keys of a word, each with how many letters were deleted for it.

    Those are the rows that the vocabulary stores. Never raises; empty for a word
    without letters; at most `MAX_KEYS`, those with fewest deletions first.
    """
    found: dict[str, int] = {}
    for folded in readings(token):
        for length in BEGINNINGS:
            if len(folded) > length:
                found.setdefault(beginning(folded[:length]), 0)
        for base in bases(folded):
            for key, deleted in deletions(base).items():
                found[key] = min(deleted, found.get(key, deleted))
    fewest_first = sorted(found.items(), key=lambda item: (item[1], item[0]))
    return dict(fewest_first[:MAX_KEYS])


def look_up_keys(readings_: Iterable[str], mistakes: int) -> set[str]:
    """Return the keys to look up for a word's readings, with so many mistakes."""
    return {
        key
        for folded in readings_
        for base in bases(folded)
        for key, deleted in deletions(base).items()
        if deleted <= mistakes
    }


def bases(folded: str) -> set[str]:
    """Return the name and its stem: what deletions are made of."""
    return {folded, split_ending(folded).stem}


def beginning(letters: str) -> str:
    """Return the key of names that begin so."""
    return letters[: BEGINNINGS.stop - 1] + "*"


def deletions(base: str) -> dict[str, int]:
    """Return the deletions of a folded name and how many letters each lacks."""
    mistakes = int(len(base) >= ONE_MISTAKE_FROM) + int(len(base) >= TWO_MISTAKES_FROM)
    letters = base[:PREFIX]
    found = {letters: 0} if letters else {}
    for count in range(1, mistakes + 1):
        for kept in combinations(letters, len(letters) - count):
            found.setdefault("".join(kept), count)
    return found
