"""How far two spellings of a name are from each other.

An edit distance over folded names, where one letter is one sound. Sounds that people
confuse cost less than others: voiced and voiceless, о and а where they are not stressed,
х that is heard as к or not at all, letters whose keys lie side by side. Two letters that
changed places are one mistake. What `fold` made equal costs nothing here; `rank` tells
such spellings apart only so far that the one asked for comes first.
"""

from functools import cache

from .alphabet import clean
from .endings import Ending, split_ending
from .folding import fold, readings
from .keyboard import neighbours

EXACT = 1.0
"""The rank of the same spelling."""
SAME_NAME = 0.97
"""The rank of another spelling of the same name, at most."""
OTHER_GENDER = 0.25
"""Асанова for Асанов costs as much as a quarter of a wrong letter."""
OTHER_ENDING = 0.6
"""Асаналиев for Асан, Маматова for Маматский."""
_HOPELESS = 0.4
"""Names that differ in such a share of their letters are not compared to the end."""
_SPELLING_STEP = 0.01
_FEWEST_LETTERS = 4
"""In shorter names a mistake weighs as much as in one of so many letters."""

_CLOSE = {
    0.4: "ie kh",
    0.5: "ao ou dt bp gk sz jz ae iu",
    0.6: "cw bv gh fp sw jc eo fv mn",
}
_EASILY_LOST = {"h": 0.5, "i": 0.6, "e": 0.7, "a": 0.8, "o": 0.8, "u": 0.8}
_SWAPPED = 0.7
_NEIGHBOUR = 0.8


@cache
def _substitutions() -> dict[tuple[str, str], float]:
    costs = {
        (fold(a), fold(b)): _NEIGHBOUR
        for a, b in neighbours()
        if len(fold(a)) == len(fold(b)) == 1
    }
    for cost, pairs in _CLOSE.items():
        for pair in pairs.split():
            costs[pair[0], pair[1]] = costs[pair[1], pair[0]] = cost
    return costs


def distance(first: str, second: str, limit: float = 100.0) -> float:
    """Return the cost of turning one folded name into the other.

    Stops early and returns something above `limit` once the cost is sure to exceed it.
    """
    if first == second:
        return 0.0
    costs = _substitutions()
    before_last: list[float] = []
    last = [0.0]
    for letter in second:
        last.append(last[-1] + _EASILY_LOST.get(letter, 1.0))
    for i, letter in enumerate(first):
        lost = _EASILY_LOST.get(letter, 1.0)
        row = [last[0] + lost]
        for j, other in enumerate(second):
            if letter == other:
                cost = last[j]
            else:
                cost = min(
                    last[j] + costs.get((letter, other), 1.0),
                    last[j + 1] + lost,
                    row[j] + _EASILY_LOST.get(other, 1.0),
                )
                if i and j and letter == second[j - 1] and first[i - 1] == other:
                    cost = min(cost, before_last[j - 1] + _SWAPPED)
            row.append(cost)
        if min(row) > limit:
            return min(row)
        before_last, last = last, row
    return last[-1]


def rank(query: str, candidate: str) -> float:
    """Return how well a candidate answers a query, from 0 to 1.

    Both are single words in any spelling. 1 is the same spelling, up to `SAME_NAME` is
    the same name, one wrong letter of eight is about 0.85. Never raises.
    """
    if clean(query) == clean(candidate):
        return EXACT
    folded = fold(candidate)
    return max(
        (rank_folded(reading, query, folded, candidate) for reading in readings(query)),
        default=0.0,
    )


def rank_folded(reading: str, query: str, folded: str, candidate: str) -> float:
    """Return the rank when both are folded already (the search ranks hundreds)."""
    if reading == folded:
        return SAME_NAME - _spelling(query, candidate)
    longest = max(len(reading), len(folded), _FEWEST_LETTERS)
    limit = longest * _HOPELESS
    cost = distance(reading, folded, limit)
    asked, found = split_ending(reading), split_ending(folded)
    if asked.ending or found.ending:
        endings = _between_endings(asked.ending, found.ending)
        apart = distance(asked.stem, found.stem, limit) + endings
        cost = min(cost, apart) if _clash(asked.ending, found.ending) else apart
    return max(0.0, min(SAME_NAME - 0.02, 1 - cost / longest))


def _clash(asked: Ending | None, found: Ending | None) -> bool:
    """Tell whether only one has an ending: then it may be part of the name."""
    return asked is None or found is None


def _between_endings(asked: Ending | None, found: Ending | None) -> float:
    if asked == found:
        return 0.0
    if asked is None or found is None:
        return OTHER_ENDING
    if asked.family == found.family or {asked.family, found.family} == {"ov", "ev"}:
        return OTHER_GENDER
    return OTHER_ENDING


def _spelling(query: str, candidate: str) -> float:
    """Return what two spellings of one name differ in, to put the nearest first."""
    first, second = clean(query), clean(candidate)
    if first.isascii() != second.isascii():
        return 0.0
    differing = abs(len(first) - len(second)) + sum(
        a != b for a, b in zip(first, second, strict=False)
    )
    return min(differing, 3) * _SPELLING_STEP
