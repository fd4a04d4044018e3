"""Reading the book: plain functions that return frozen values.

`household_card`, `person_card`, `book` for screens and prints; `family_members` and
`address_fact` for the services, index look-ups only. All hide protected persons unless
told otherwise (`kerege.apps.aimak.protection`); none looks at offices, which callers do
first (`kerege.apps.aimak.scope`).
"""

from kerege.apps.aimak.reads.households import book, household_card
from kerege.apps.aimak.reads.people import person_card
from kerege.apps.aimak.reads.services import (
    address_fact,
    family_members,
    household_of,
    person_by_pin,
)

__all__ = [
    "address_fact",
    "book",
    "family_members",
    "household_card",
    "household_of",
    "person_by_pin",
    "person_card",
]
