"""Events change the book: each is a frozen value, checked, applied as one change."""

from kerege.apps.aimak.events.amendment import Amendment, Correction, undo_change
from kerege.apps.aimak.events.arrival import Arrival, Claim
from kerege.apps.aimak.events.base import (
    Event,
    Problem,
    RefusedError,
    Touched,
    Work,
    perform,
    problems_of,
)
from kerege.apps.aimak.events.birth import Birth
from kerege.apps.aimak.events.death import Death
from kerege.apps.aimak.events.departure import Departure
from kerege.apps.aimak.events.heads import NewHead, proposed
from kerege.apps.aimak.events.marriage import Divorce, Marriage, Move
from kerege.apps.aimak.events.membership import NewHousehold
from kerege.apps.aimak.events.people import Newcomer
from kerege.apps.aimak.events.split import HouseholdMerge, HouseholdSplit

EVENTS: tuple[type[Event], ...] = (
    Birth,
    Death,
    Arrival,
    Departure,
    Marriage,
    Divorce,
    HouseholdSplit,
    HouseholdMerge,
)
"""Those that come with a document, in the order of a menu."""

__all__ = [
    "EVENTS",
    "Amendment",
    "Arrival",
    "Birth",
    "Claim",
    "Correction",
    "Death",
    "Departure",
    "Divorce",
    "Event",
    "HouseholdMerge",
    "HouseholdSplit",
    "Marriage",
    "Move",
    "NewHead",
    "NewHousehold",
    "Newcomer",
    "Problem",
    "RefusedError",
    "Touched",
    "Work",
    "perform",
    "problems_of",
    "proposed",
    "undo_change",
]
