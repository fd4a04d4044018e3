"""What plants mistakes into a book: it draws rows, each at most once, and keeps the truth."""

import numpy as np

from kerege.apps.aimak.synth.book import WIDTH, Book
from kerege.apps.aimak.synth.columns import NOTHING, where
from kerege.apps.aimak.synth.facts import Bools, Ints
from kerege.apps.aimak.synth.truth import Truth


class Spoiler:
    """One block's book, while mistakes are planted."""

    def __init__(self, rng: np.random.Generator, book: Book) -> None:
        """Begin: nothing is spoiled yet."""
        self.rng = rng
        self.book = book
        self.truth = Truth()
        self.persons = np.ones(len(book.people), dtype=np.bool_)
        """Who has no mistake yet."""
        self.households = np.ones(book.households, dtype=np.bool_)
        self.pin_of = np.full(len(book.people), NOTHING)
        """The row of a person's PIN that holds, NOTHING without one."""
        self.refresh_pins()

    def refresh_pins(self) -> None:
        """Find again which PIN of a person holds."""
        rows = where(self.book.pins.status != 1)
        self.pin_of = np.full(len(self.book.people), NOTHING)
        self.pin_of[self.book.pins.person[rows]] = rows

    def take_persons(self, rate: float, eligible: Bools) -> Ints:
        """Return about this share of the eligible, none of whom is spoiled yet."""
        return self._take(self.persons, rate, eligible)

    def take_households(self, rate: float, eligible: Bools) -> Ints:
        """Return about this share of the eligible, none of which is spoiled yet."""
        return self._take(self.households, rate, eligible)

    def _take(self, free: Bools, rate: float, eligible: Bools) -> Ints:
        draws = self.rng.random(len(free)) < rate
        rows = where(draws & eligible & free)
        free[rows] = False
        return rows

    def tell(
        self,
        table: str,
        row: int,
        kind: str,
        column: str,
        change: tuple[str | None, str | None],
    ) -> None:
        """Keep the truth about one row: what stands there now, what would be right."""
        key = self.book.first_id * WIDTH.get(table, 1) + int(row)
        self.truth.defects.append((table, key, kind, column, *change))

    def pin_text(self, row: int) -> str:
        """Return the PIN in this row of the PINs."""
        return bytes(self.book.pins.digits[row]).decode()
