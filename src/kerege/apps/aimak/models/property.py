"""What a household has: dwellings, land, livestock, machinery.

Dwellings, plots and machines have a line number in the household's pages; animals are
counted by species, sex and age.
"""

from django.db import models

from kerege.apps.aimak.models.anchors import Household
from kerege.apps.aimak.models.versioned import (
    Versioned,
    version_constraints,
    version_indexes,
)

CADASTRE_CODE_LENGTH = 40
"""``6-02-01-0002-0111``, and longer ones for flats."""


class Dwelling(Versioned):
    """A house or flat."""

    KEY = ("household_id", "line")

    household = models.ForeignKey(
        Household, models.PROTECT, related_name="dwellings", db_index=False
    )
    line = models.PositiveSmallIntegerField(default=1)
    kind = models.CharField(max_length=20, blank=True)
    """A code of the list ``dwelling_kinds``."""
    wall_material = models.CharField(max_length=20, blank=True)
    ownership = models.CharField(max_length=20, blank=True)
    year_built = models.PositiveSmallIntegerField(null=True)
    heating = models.CharField(max_length=20, blank=True)
    water = models.CharField(max_length=20, blank=True)
    rooms = models.PositiveSmallIntegerField(null=True)
    area_m2 = models.DecimalField(max_digits=8, decimal_places=1, null=True)
    cadastre_code = models.CharField(max_length=CADASTRE_CODE_LENGTH, blank=True)

    class Meta:
        indexes = version_indexes("dw", "household")
        constraints = version_constraints("dw", "household", "line")


class LandPlot(Versioned):
    """A plot of land."""

    KEY = ("household_id", "line")

    household = models.ForeignKey(
        Household, models.PROTECT, related_name="land_plots", db_index=False
    )
    line = models.PositiveSmallIntegerField(default=1)
    kind = models.CharField(max_length=20, blank=True)
    """A code of the list ``land_kinds``."""
    ownership = models.CharField(max_length=20, blank=True)
    area_m2 = models.DecimalField(max_digits=12, decimal_places=2, null=True)
    irrigated = models.BooleanField(null=True)
    cadastre_code = models.CharField(max_length=CADASTRE_CODE_LENGTH, blank=True)

    class Meta:
        indexes = version_indexes("land", "household")
        constraints = version_constraints("land", "household", "line")


class Livestock(Versioned):
    """Animals of one species, sex and age group, counted."""

    KEY = ("household_id", "species", "sex", "age_group")

    household = models.ForeignKey(
        Household, models.PROTECT, related_name="livestock", db_index=False
    )
    species = models.PositiveSmallIntegerField()
    """1 to 6, as in the national livestock register: the list ``species``."""
    sex = models.CharField(max_length=6, blank=True)
    age_group = models.CharField(max_length=10, blank=True)
    """A code of the list ``age_groups``; blank: not told apart."""
    count = models.PositiveIntegerField()

    class Meta:
        indexes = version_indexes("stock", "household")
        constraints = version_constraints(
            "stock", "household", "species", "sex", "age_group"
        )


class Machinery(Versioned):
    """A tractor, a car, a mower."""

    KEY = ("household_id", "line")

    household = models.ForeignKey(
        Household, models.PROTECT, related_name="machinery", db_index=False
    )
    line = models.PositiveSmallIntegerField(default=1)
    kind = models.CharField(max_length=20, blank=True)
    """A code of the list ``machinery_kinds``."""
    make = models.CharField(max_length=100, blank=True)
    year_built = models.PositiveSmallIntegerField(null=True)
    count = models.PositiveSmallIntegerField(default=1)

    class Meta:
        indexes = version_indexes("mach", "household")
        constraints = version_constraints("mach", "household", "line")
