"""What is sent to whom, and what became of it."""

from django.db import models
from django.utils.translation import gettext_lazy as _


class Channel(models.TextChoices):
    """How somebody is reached."""

    EMAIL = "email", _("e-mail")
    SMS = "sms", _("SMS")


class State(models.TextChoices):
    """waiting → sent | bounced | failed; failed: tried again and again, or not set up."""

    WAITING = "waiting", _("waiting")
    SENT = "sent", _("sent")
    BOUNCED = "bounced", _("the address takes nothing")
    FAILED = "failed", _("failed")


class Notification(models.Model):
    """One text to one address."""

    channel = models.CharField(max_length=10, choices=Channel.choices)
    address = models.CharField(max_length=254)
    template = models.CharField(max_length=60)
    values = models.JSONField(default=dict)
    """What stands in the text: numbers and dates, no personal data."""
    language = models.CharField(max_length=2)
    state = models.CharField(
        max_length=10, choices=State.choices, default=State.WAITING
    )
    error = models.CharField(max_length=200, blank=True)
    created_at = models.DateTimeField()
    sent_at = models.DateTimeField(null=True)

    def __str__(self) -> str:
        return f"{self.template} {self.pk}"
