"""Persons and households: identities without facts."""

import secrets

from django.db import models

from kerege.apps.common.staff.models import Office


def new_public_id() -> str:
    """Return 128 random bits as 22 characters for URLs: they tell nobody anything."""
    return secrets.token_urlsafe(16)


class Anchor(models.Model):
    """An identity that versions hang on."""

    public_id = models.CharField(max_length=22, unique=True, default=new_public_id)
    """What URLs and the audit log carry instead of a PIN or a number."""
    office = models.ForeignKey(Office, models.PROTECT, related_name="+")
    """Whose book holds it now. Kept in step with the versions, for scopes only."""
    version = models.PositiveIntegerField(default=1)
    """Counts changes: a form made from an older one is refused."""

    class Meta:
        abstract = True

    def __str__(self) -> str:
        return self.public_id


class Person(Anchor):
    """Somebody who is or was in a book. A PIN is a fact of theirs, not a key."""


class Household(Anchor):
    """A household of a book."""
