"""PINs: sex, day of birth and five digits that mean nothing; 14 in all.

Every person of a country has another one. In a block, those of one sex and day are
counted; block b has the numbers b * R .. b * R + R - 1, so no two blocks share one. The
five digits written have an even sum, so a PIN with one digit mistyped by an odd amount is
nobody else's.
"""

import numpy as np
from numpy.typing import NDArray

from kerege.apps.aimak.synth.facts import Bools, Ints

LENGTH = 14
NUMBERS = 50_000
"""Five digits with an even sum."""
_STEP = 30_893
"""Has no factor in common with NUMBERS: numbers that follow each other look unlike."""
_SHIFT = 7_919
Digits = NDArray[np.uint8]


def serials(born: Ints, woman: Bools, block: int, blocks: int) -> Ints:
    """Return the five digits of each, as a number.

    Raises ValueError if more are born on one day than a block has numbers for; at a
    block's size that is a hundred times the usual.
    """
    room = NUMBERS // blocks
    key = born * 2 + woman
    order = np.argsort(key, kind="stable")
    ordered = key[order]
    starts = np.flatnonzero(np.concatenate(([True], ordered[1:] != ordered[:-1])))
    lengths = np.diff(np.append(starts, len(ordered)))
    rank = np.empty(len(key), dtype=np.int64)
    rank[order] = np.arange(len(key)) - np.repeat(starts, lengths)
    if len(key) and rank.max() >= room:
        message = f"More than {room} people of block {block} are born on one day"
        raise ValueError(message)
    place = (rank + key * _SHIFT) % room  # each day begins at another number
    scrambled = ((block * room + place) * _STEP) % NUMBERS
    first = scrambled // 5
    odd = sum(first // 10**place % 10 for place in range(4)) % 2
    return np.asarray(first * 10 + 2 * (scrambled % 5) + odd)


def digits(born: Ints, woman: Bools, serial: Ints) -> Digits:
    """Return the PINs as one row of 14 ASCII digits for each."""
    days = born.astype("datetime64[D]")
    months = days.astype("datetime64[M]")
    years = days.astype("datetime64[Y]").astype(np.int64) + 1970
    day = (days - months).astype(np.int64) + 1
    month = months.astype(np.int64) % 12 + 1
    columns = [np.where(woman, 1, 2)]
    for value, width in ((day, 2), (month, 2), (years, 4), (serial, 5)):
        columns += [value // 10**place % 10 for place in reversed(range(width))]
    return np.ascontiguousarray(np.stack(columns, axis=1).astype(np.uint8) + ord("0"))
