"""The forms of events: each makes one event of what was typed."""

from kerege.apps.aimak.views.events.base import EventForm, HouseholdForm
from kerege.apps.aimak.views.events.couples import DivorceForm, MarriageForm
from kerege.apps.aimak.views.events.households import (
    MergeForm,
    NewHouseholdForm,
    SplitForm,
)
from kerege.apps.aimak.views.events.people import (
    ArrivalForm,
    BirthForm,
    DeathForm,
    DepartureForm,
)

FORMS: dict[str, type[HouseholdForm]] = {
    "birth": BirthForm,
    "arrival": ArrivalForm,
    "departure": DepartureForm,
    "death": DeathForm,
    "marriage": MarriageForm,
    "divorce": DivorceForm,
    "split": SplitForm,
    "merge": MergeForm,
}
"""By the word in their address, in the order of the card."""

__all__ = ["FORMS", "EventForm", "HouseholdForm", "NewHouseholdForm"]
