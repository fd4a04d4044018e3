"""What is known of a document; its bytes are in the portal's folder."""

import secrets

from django.conf import settings
from django.db import models


def opaque() -> str:
    """Return a name that tells nothing: 128 random bits."""
    return secrets.token_hex(16)


class Document(models.Model):
    """A file that somebody brought; never changed."""

    public_id = models.CharField(max_length=32, unique=True, default=opaque)
    """Its name on the disk and in addresses."""
    office = models.ForeignKey("staff.Office", models.PROTECT, related_name="+")
    name = models.CharField(max_length=200)
    """As the person's computer called it; only shown."""
    media_type = models.CharField(max_length=100)
    """As its content says."""
    size = models.PositiveBigIntegerField()
    sha256 = models.CharField(max_length=64)
    scanned = models.BooleanField()
    """A virus scanner has seen it; false where the installation has none."""
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, related_name="+"
    )
    created_at = models.DateTimeField()

    def __str__(self) -> str:
        return self.public_id
