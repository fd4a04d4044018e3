"""Columns on their way to Arrow: numbers with a mark for nothing, and words by number."""

from collections.abc import Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from kerege.apps.aimak.synth.facts import Bools, Ints
from kerege.apps.aimak.synth.pins import Digits

NOTHING = -(2**31)
"""In a column of numbers or days: there is no value."""


class Words:
    """A column of words: numbers of a list, and words of its own after that list."""

    def __init__(self, words: Sequence[str], places: Ints) -> None:
        """Take the list, and a place in it for each row; -1 is nothing."""
        self.words = words
        self.places = places
        self._own: list[str] = []

    def __getitem__(self, row: int) -> str | None:
        """Return the word of a row."""
        place = int(self.places[row])
        if place < 0:
            return None
        known = len(self.words)
        return self.words[place] if place < known else self._own[place - known]

    def put(self, row: int, word: str | None) -> None:
        """Write another word into a row."""
        if word is None:
            self.places[row] = -1
            return
        self.places[row] = len(self.words) + len(self._own)
        self._own.append(word)

    def extended(self, rows: Ints) -> "Words":
        """Return the column with copies of these rows at its end."""
        longer = Words(self.words, np.concatenate((self.places, self.places[rows])))
        longer._own = self._own
        return longer

    def arrow(self) -> pa.DictionaryArray:
        """Return the column with the words that it uses."""
        used, places = np.unique(self.places, return_inverse=True)
        nothing = used[places] < 0
        if len(used) and used[0] < 0:
            used, places = used[1:], places - 1
        known = len(self.words)
        words = [self.words[at] if at < known else self._own[at - known] for at in used]
        indices = pa.array(places.astype(np.int32), mask=nothing)
        return pa.DictionaryArray.from_arrays(indices, pa.array(words, pa.string()))


def numbers(values: Ints, kind: pa.DataType) -> pa.Array:
    """Return whole numbers of this type, NOTHING as null."""
    nothing = values == NOTHING
    safe = np.where(nothing, 0, values)
    if pa.types.is_date32(kind):
        return pa.array(safe.astype(np.int32), mask=nothing).view(kind)
    return pa.array(safe, type=kind, mask=nothing)


def letters(characters: Digits) -> pa.Array:
    """Return texts of one length from rows of ASCII characters."""
    count, length = characters.shape
    offsets = np.arange(count + 1, dtype=np.int32) * length
    return pa.StringArray.from_buffers(
        count, pa.py_buffer(offsets), pa.py_buffer(np.ascontiguousarray(characters))
    )


def pins(digits: Digits, others: dict[int, str]) -> pa.Array:
    """Return PINs as text; `others` are those that are not 14 digits, by row."""
    texts = letters(digits)
    if not others:
        return texts
    mask = np.zeros(len(digits), dtype=np.bool_)
    mask[list(others)] = True
    instead = pa.array([others[row] for row in sorted(others)], pa.string())
    return pc.replace_with_mask(texts, mask, instead)


def where(condition: Bools) -> Ints:
    """Return the rows for which it is true."""
    return np.flatnonzero(condition).astype(np.int64)
