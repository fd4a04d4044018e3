"""What is known of a household and of who belongs to it."""

from django.db import models

from kerege.apps.aimak.models.anchors import Household, Person
from kerege.apps.aimak.models.places import Street
from kerege.apps.aimak.models.versioned import (
    CURRENT,
    Versioned,
    version_constraints,
    version_indexes,
)
from kerege.apps.common.staff.models import Office


class HouseholdFacts(Versioned):
    """Number, address and kind. A household that was dissolved has no open row."""

    KEY = ("household_id",)

    household = models.ForeignKey(
        Household, models.PROTECT, related_name="facts", db_index=False
    )
    office = models.ForeignKey(Office, models.PROTECT, related_name="+", db_index=False)
    """Whose book it was in."""
    number = models.CharField(max_length=20, blank=True)
    """In the office's book."""
    kind = models.CharField(max_length=20, blank=True)
    """A code of the list ``household_kinds``."""
    unit_code = models.CharField(max_length=14, blank=True)
    """SOATE code of the village or town."""
    street = models.ForeignKey(
        Street, models.PROTECT, null=True, related_name="+", db_index=False
    )
    house = models.CharField(max_length=20, blank=True)
    flat = models.CharField(max_length=10, blank=True)

    class Meta:
        indexes = [
            *version_indexes("hf", "household", "unit_code"),
            models.Index(
                fields=["office", "number"], name="aimak_hf_number", condition=CURRENT
            ),
            models.Index(
                fields=["street", "house"], name="aimak_hf_street", condition=CURRENT
            ),
        ]
        constraints = version_constraints("hf", "household")


class Membership(Versioned):
    """Somebody belongs to a household.

    Nobody should be in two, and a household should have one head; books are not always
    so, and the table can hold what they say.
    """

    KEY = ("person_id", "household_id")

    person = models.ForeignKey(
        Person, models.PROTECT, related_name="memberships", db_index=False
    )
    household = models.ForeignKey(
        Household, models.PROTECT, related_name="memberships", db_index=False
    )
    relation = models.CharField(max_length=20, blank=True)
    """To the head: a code of the list ``relations``."""
    is_head = models.BooleanField(default=False)

    class Meta:
        indexes = version_indexes("mem", "person", "household")
        constraints = version_constraints("mem", "person", "household")


class Absence(Versioned):
    """Somebody is away for a time and stays in the book; its days are the valid ones."""

    KEY = ("person_id",)

    person = models.ForeignKey(
        Person, models.PROTECT, related_name="absences", db_index=False
    )
    place = models.CharField(max_length=200, blank=True)
    country = models.CharField(max_length=3, blank=True)
    """ISO 3166-1 alpha-3."""
    reason = models.CharField(max_length=20, blank=True)
    """A code of the list ``absence_reasons``."""

    class Meta:
        indexes = version_indexes("abs", "person")
        constraints = version_constraints("abs", "person")


class SocialPassport(Versioned):
    """The social passport of a low-income family, kept since 1 May 2000."""

    KEY = ("household_id",)

    household = models.ForeignKey(
        Household, models.PROTECT, related_name="social_passports", db_index=False
    )
    number = models.CharField(max_length=30, blank=True)
    category = models.CharField(max_length=20, blank=True)
    """A code of the list ``need_categories``."""
    income_per_person = models.DecimalField(max_digits=12, decimal_places=2, null=True)
    """Som a month."""
    needs = models.CharField(max_length=500, blank=True)

    class Meta:
        indexes = version_indexes("sp", "household")
        constraints = version_constraints("sp", "household")
