"""Authorities to act for somebody."""

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _

from kerege.apps.common.documents.models import Document, opaque

USER = settings.AUTH_USER_MODEL


class Ground(models.TextChoices):
    """Why somebody may act for another."""

    PARENT = "parent", _("parent")
    GUARDIAN = "guardian", _("guardian")
    ATTORNEY = "attorney", _("power of attorney")


class Authority(models.Model):
    """One person may act for another."""

    public_id = models.CharField(max_length=32, unique=True, default=opaque)
    office = models.ForeignKey("staff.Office", models.PROTECT, related_name="+")
    principal = models.CharField(max_length=80, db_index=True)
    """The opaque id of the one for whom; a PIN may change."""
    representative = models.CharField(max_length=80, db_index=True)
    ground = models.CharField(max_length=10, choices=Ground.choices)
    document = models.ForeignKey(Document, models.PROTECT, related_name="+")
    valid_from = models.DateField()
    valid_to = models.DateField()
    """The last day; a child's eighteenth birthday ends what its parents may."""
    entered_by = models.ForeignKey(USER, models.PROTECT, related_name="+")
    entered_at = models.DateTimeField()
    confirmed_by = models.ForeignKey(USER, models.PROTECT, null=True, related_name="+")
    confirmed_at = models.DateTimeField(null=True)
    revoked_by = models.ForeignKey(USER, models.PROTECT, null=True, related_name="+")
    revoked_at = models.DateTimeField(null=True)
    reason = models.CharField(max_length=300, blank=True)

    def __str__(self) -> str:
        return self.public_id
