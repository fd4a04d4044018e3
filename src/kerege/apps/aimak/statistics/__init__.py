"""Numbers without names: by unit and time, for screens and planning.

Protected persons are counted like all others. So that nobody is found in a number, or in
the difference of two, every count of people is told rounded (`told`), and animals are
not told where too few households keep them.
"""

from kerege.apps.aimak.statistics.animals import LivestockRow, livestock
from kerege.apps.aimak.statistics.disclosure import ROUNDED_TO, told
from kerege.apps.aimak.statistics.movement import MovementRow, movement
from kerege.apps.aimak.statistics.population import (
    AgeRow,
    UnitRow,
    population_by_unit,
    pyramid,
)

__all__ = [
    "ROUNDED_TO",
    "AgeRow",
    "LivestockRow",
    "MovementRow",
    "UnitRow",
    "livestock",
    "movement",
    "population_by_unit",
    "pyramid",
    "told",
]
