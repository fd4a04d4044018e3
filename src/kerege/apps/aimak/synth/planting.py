"""Mistakes and second records go into a block's book; the truth comes out."""

from typing import Any

from kerege.apps.aimak.synth.book import Book
from kerege.apps.aimak.synth.defects import plant_in_persons
from kerege.apps.aimak.synth.defects_of_households import (
    plant_in_belongings,
    plant_in_households,
)
from kerege.apps.aimak.synth.duplicates import plant_duplicates
from kerege.apps.aimak.synth.facts import stream
from kerege.apps.aimak.synth.plan import Plan
from kerege.apps.aimak.synth.spoiler import Spoiler
from kerege.apps.aimak.synth.truth import Truth


def plant(plan: Plan, book: Book) -> dict[str, dict[str, Any]]:
    """Spoil a book and return the columns of the tables of truth; none if it is clean.

    A row has one planted defect at most. Where another rule sees the same mistake too (a
    day of birth in the future is not that of the PIN either), the truth tells both.
    """
    if plan.clean:
        return Truth().columns()
    spoiler = Spoiler(stream(plan.seed, 200, book.block.index), book)
    plant_duplicates(plan, spoiler)
    plant_in_persons(spoiler)
    plant_in_households(spoiler)
    plant_in_belongings(spoiler)
    return spoiler.truth.columns()
