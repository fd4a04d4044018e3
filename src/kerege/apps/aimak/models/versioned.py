"""What all version tables have in common: two times, and the changes behind them."""

from typing import ClassVar

from django.db import models
from django.db.models import F, Q

from kerege.apps.aimak.models.changes import Change

CURRENT = Q(superseded_at__isnull=True)
"""What the register believes now, of any day."""


class Versioned(models.Model):
    """A fact with the days on which it was so and the time in which it was believed.

    Of one key (`KEY`), at most one current row is valid on any day.
    """

    KEY: ClassVar[tuple[str, ...]] = ()
    """Columns that say which fact of what this is a version of."""

    valid_from = models.DateField(null=True)
    """The first day; None: since ever, or nobody knows."""
    valid_to = models.DateField(null=True)
    """The first day on which it is no longer so; None: still."""
    recorded_at = models.DateTimeField()
    superseded_at = models.DateTimeField(null=True)
    """None: still believed."""
    change = models.ForeignKey(Change, models.PROTECT, related_name="+", db_index=False)
    superseded_by = models.ForeignKey(
        Change, models.PROTECT, null=True, related_name="+", db_index=False
    )

    class Meta:
        abstract = True

    def __str__(self) -> str:
        key = " ".join(str(getattr(self, name)) for name in self.KEY)
        return f"{key} {self.valid_from}..{self.valid_to}"


def version_indexes(name: str, *lookups: str) -> list[models.Index]:
    """Return the indexes of a version table.

    Args:
        name: The table's short name, unique among them.
        lookups: Columns by which current rows are looked up, an index for each.
    """
    return [
        *(
            models.Index(
                fields=[column], name=f"aimak_{name}_{column[:9]}", condition=CURRENT
            )
            for column in lookups
        ),
        models.Index(fields=["change"], name=f"aimak_{name}_chg"),
        models.Index(
            fields=["superseded_by"],
            name=f"aimak_{name}_sup",
            condition=Q(superseded_by__isnull=False),
        ),
    ]


def version_constraints(name: str, *key: str) -> list[models.BaseConstraint]:
    """Return what both databases hold of a version table: order, and one open row."""
    return [
        models.CheckConstraint(
            name=f"aimak_{name}_days", condition=Q(valid_from__lt=F("valid_to"))
        ),
        models.CheckConstraint(
            name=f"aimak_{name}_times",
            condition=Q(superseded_at__isnull=True, superseded_by__isnull=True)
            | Q(superseded_by__isnull=False, superseded_at__gte=F("recorded_at")),
        ),
        models.UniqueConstraint(
            fields=key,
            name=f"aimak_{name}_open",
            condition=CURRENT & Q(valid_to__isnull=True),
        ),
    ]
