"""Administrative units by SOATE code, and streets."""

from django.db import models
from django.utils.translation import gettext_lazy as _

from kerege.apps.aimak.models.anchors import new_public_id
from kerege.apps.aimak.models.versioned import (
    Versioned,
    version_constraints,
    version_indexes,
)

UNIT_NAME_LENGTH = 200


class Level(models.TextChoices):
    """The four levels of SOATE; a town stands where a district does."""

    REGION = "region", _("region")
    DISTRICT = "district", _("district")
    TOWN = "town", _("town")
    AIMAK = "aimak", _("ayil aimak")
    VILLAGE = "village", _("village")


class Unit(Versioned):
    """An administrative unit. Mergers end rows and begin others."""

    KEY = ("code",)

    code = models.CharField(max_length=14)
    parent_code = models.CharField(max_length=14, blank=True)
    """Blank for regions and the two cities."""
    level = models.CharField(max_length=8, choices=Level.choices)
    name_ky = models.CharField(max_length=UNIT_NAME_LENGTH, blank=True)
    name_ru = models.CharField(max_length=UNIT_NAME_LENGTH, blank=True)
    name_en = models.CharField(max_length=UNIT_NAME_LENGTH, blank=True)
    successor_code = models.CharField(max_length=14, blank=True)
    """The unit it became part of when it ended."""

    class Meta:
        indexes = version_indexes("unit", "code", "parent_code")
        constraints = version_constraints("unit", "code")


class Street(models.Model):
    """A street of a village or town; its names are versions."""

    public_id = models.CharField(max_length=22, unique=True, default=new_public_id)
    unit_code = models.CharField(max_length=14, db_index=True)

    def __str__(self) -> str:
        return self.public_id


class StreetName(Versioned):
    """What a street is called."""

    KEY = ("street_id",)

    street = models.ForeignKey(
        Street, models.PROTECT, related_name="names", db_index=False
    )
    name_ky = models.CharField(max_length=UNIT_NAME_LENGTH, blank=True)
    name_ru = models.CharField(max_length=UNIT_NAME_LENGTH, blank=True)
    name_en = models.CharField(max_length=UNIT_NAME_LENGTH, blank=True)

    class Meta:
        indexes = version_indexes("sn", "street")
        constraints = version_constraints("sn", "street")
