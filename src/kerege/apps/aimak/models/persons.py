"""What is known of a person."""

from django.db import models
from django.utils.translation import gettext_lazy as _

from kerege.apps.aimak.models.anchors import Person
from kerege.apps.aimak.models.versioned import (
    Versioned,
    version_constraints,
    version_indexes,
)

PIN_LENGTH = 14
NAME_LENGTH = 100
"""The longest name in public registers has under 60 letters."""


class Sex(models.TextChoices):
    """As the civil registry has it."""

    FEMALE = "female", _("female")
    MALE = "male", _("male")


class BirthPrecision(models.TextChoices):
    """How much of the birth date is known; the rest of it is the first day or month."""

    DAY = "day", _("day")
    MONTH = "month", _("month and year")
    YEAR = "year", _("year")
    UNKNOWN = "unknown", _("unknown")


class PersonFacts(Versioned):
    """Names, birth, death and status. Codes are of the lists in ``codes/``."""

    KEY = ("person_id",)

    person = models.ForeignKey(
        Person, models.PROTECT, related_name="facts", db_index=False
    )
    surname = models.CharField(max_length=NAME_LENGTH, blank=True)
    given_name = models.CharField(max_length=NAME_LENGTH, blank=True)
    patronymic = models.CharField(max_length=NAME_LENGTH, blank=True)
    patronymic_absent = models.BooleanField(default=False)
    """By right: the birth record has none. Blank without this is a gap."""
    suffix = models.CharField(max_length=10, blank=True)
    """``уулу`` or ``кызы`` as written after the patronymic or the surname."""
    latin_names = models.JSONField(default=list)
    """Legal Latin forms, as passports have them: ``["ASANOVA AIGUL"]``."""
    sex = models.CharField(max_length=6, choices=Sex.choices, blank=True)
    birth_date = models.DateField(null=True)
    birth_precision = models.CharField(
        max_length=7, choices=BirthPrecision.choices, default=BirthPrecision.DAY
    )
    birth_place = models.CharField(max_length=200, blank=True)
    death_date = models.DateField(null=True)
    nationality = models.CharField(max_length=20, blank=True)
    citizenship = models.CharField(max_length=3, blank=True)
    """ISO 3166-1 alpha-3; ``XXA``: stateless."""
    marital_status = models.CharField(max_length=20, blank=True)
    education = models.CharField(max_length=20, blank=True)
    occupation = models.CharField(max_length=200, blank=True)
    phone = models.CharField(max_length=20, blank=True)

    class Meta:
        indexes = version_indexes("pf", "person")
        constraints = version_constraints("pf", "person")


class PinStatus(models.TextChoices):
    """What became of a PIN (Government resolution 619 of 2017)."""

    ASSIGNED = "assigned", _("assigned")
    CHANGED = "changed", _("assigned in place of an earlier one")
    BLOCKED = "blocked", _("blocked")
    MISSING = "missing", _("missing")


class PersonPin(Versioned):
    """The PIN somebody has. An earlier one is a row that has ended."""

    KEY = ("person_id",)

    person = models.ForeignKey(
        Person, models.PROTECT, related_name="pins", db_index=False
    )
    pin = models.CharField(max_length=PIN_LENGTH, blank=True)
    """As written, right or wrong; not unique, for books are not. Blank: missing."""
    status = models.CharField(max_length=8, choices=PinStatus.choices)

    class Meta:
        indexes = version_indexes("pin", "person", "pin")
        constraints = version_constraints("pin", "person")


class ProtectionKind(models.TextChoices):
    """What about a person is hidden."""

    ADDRESS = "address", _("hidden address")
    ADOPTION = "adoption", _("adoption")
    WITNESS = "witness", _("witness")


class Protection(Versioned):
    """Somebody is protected; see `kerege.apps.aimak.protection`."""

    KEY = ("person_id", "kind")

    person = models.ForeignKey(
        Person, models.PROTECT, related_name="protections", db_index=False
    )
    kind = models.CharField(max_length=8, choices=ProtectionKind.choices)
    reason = models.CharField(max_length=500, blank=True)

    class Meta:
        indexes = version_indexes("prot", "person")
        constraints = version_constraints("prot", "person", "kind")
