"""What of a number may be told.

Every count of people is rounded to a multiple of `ROUNDED_TO`, up or down by chance:
17 is told as 15 three times of five and as 20 two times. The chance is a keyed hash of
what the cell is (unit, row, column; not the day and not the count), so that it is the
same whenever it is asked, and asking often tells nothing. Totals are rounded by
themselves, not added up.

What that stops: a clerk knows everybody in the list but the protected; a total of today
against yesterday's, a district less its villages, or the list against the pyramid must
not say that one more is there. Suppressing small cells alone would not do that, and
rounding to the nearest would not either, for who knows the others can do it too.
"""

from django.utils.crypto import salted_hmac

ROUNDED_TO = 5
"""No cell holds fewer, but none."""
FEWEST_KEEPERS = 3
"""Households that keep a kind of animal in a unit, for their animals to be told."""


def told(count: int, *cell: object) -> int:
    """Return what is told of a count of people.

    Args:
        count: How many there are.
        cell: What says which number of which table it is.
    """
    name = "|".join(map(str, cell))
    chance = salted_hmac("kerege.aimak.statistics", name).digest()[0] % ROUNDED_TO
    return (count + chance) // ROUNDED_TO * ROUNDED_TO
