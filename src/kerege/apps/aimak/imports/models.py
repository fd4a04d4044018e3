"""Imports, what was found in their rows, and the columns that are remembered."""

from typing import ClassVar

from django.db import models
from django.utils.translation import gettext_lazy as _

from kerege.apps.aimak.models import Change
from kerege.apps.aimak.models.anchors import new_public_id
from kerege.apps.common.jobs.models import Job
from kerege.apps.common.staff.models import Office, User

KEEP_DAYS = 30
"""So long the file of an import that nobody took is kept."""


class State(models.TextChoices):
    """Where an import is; `NEXT` says where it may go."""

    UPLOADED = "uploaded", _("columns to be chosen")
    CHECKING = "checking", _("being checked")
    CHECKED = "checked", _("checked, not taken yet")
    TAKING = "taking", _("being taken")
    STOPPED = "stopped", _("stopped halfway")
    TAKEN = "taken", _("taken")
    UNDOING = "undoing", _("being undone")
    UNDONE = "undone", _("undone")
    REFUSED = "refused", _("the file could not be read")


NEXT: dict[State, frozenset[State]] = {
    State.UPLOADED: frozenset({State.CHECKING}),
    State.CHECKING: frozenset({State.CHECKED, State.UPLOADED, State.REFUSED}),
    State.CHECKED: frozenset({State.CHECKING, State.TAKING}),
    State.TAKING: frozenset({State.TAKEN, State.STOPPED}),
    State.STOPPED: frozenset({State.TAKING, State.UNDOING}),
    State.TAKEN: frozenset({State.UNDOING}),
    State.UNDOING: frozenset({State.UNDONE, State.TAKEN, State.STOPPED}),
    State.UNDONE: frozenset(),
    State.REFUSED: frozenset(),
}


class StateError(Exception):
    """An import cannot go from one state to another."""

    def __init__(self, state: str, wanted: State) -> None:
        """Say from where to where."""
        super().__init__(f"An import that is {state} cannot be {wanted}")


class Import(models.Model):
    """A file, and what became of it."""

    public_id = models.CharField(max_length=22, unique=True, default=new_public_id)
    office = models.ForeignKey(Office, models.PROTECT, related_name="+")
    created_by = models.ForeignKey(User, models.PROTECT, related_name="+")
    created_at = models.DateTimeField()
    file_name = models.CharField(max_length=200)
    content = models.BinaryField(null=True)
    """The file; None once it is taken whole, undone or too old."""
    size = models.PositiveIntegerField()
    kind = models.CharField(max_length=4)
    encoding = models.CharField(max_length=20, blank=True)
    sheets = models.JSONField(default=list)
    """Names, in the file's order."""
    sheet = models.PositiveSmallIntegerField(default=0)
    epoch_1904 = models.BooleanField(default=False)
    mapping = models.JSONField(default=dict)
    """`ColumnMapping.to_json`."""
    unit_code = models.CharField(max_length=14)
    """The village of rows that name none."""
    state = models.CharField(max_length=10, choices=State.choices)
    error = models.CharField(max_length=60, blank=True)
    """Id of a message that says why the last step failed."""
    error_details = models.JSONField(default=dict)
    job = models.ForeignKey(Job, models.PROTECT, null=True, related_name="+")
    row_count = models.PositiveIntegerField(default=0)
    bad_count = models.PositiveIntegerField(default=0)
    checked_on = models.DateField(null=True)
    """The day of the dry run; taking reads the file as of the same day."""
    household_count = models.PositiveIntegerField(default=0)
    note_counts = models.JSONField(default=dict)
    """How often each note was made, by its id."""
    taken_households = models.PositiveIntegerField(default=0)
    """How far taking has come."""
    taken_rows = models.PositiveIntegerField(default=0)
    change = models.ForeignKey(Change, models.PROTECT, null=True, related_name="+")

    class Meta:
        """An office's imports are listed, the last first."""

        indexes: ClassVar[list[models.Index]] = [
            models.Index(fields=["office", "-created_at"], name="imports_of_office")
        ]

    def __str__(self) -> str:
        return self.public_id

    def go(self, state: State) -> None:
        """Set another state; the caller saves.

        Raises:
            StateError: There is no way to it.
        """
        if state not in NEXT[State(self.state)]:
            raise StateError(self.state, state)
        self.state = state

    @property
    def good_count(self) -> int:
        """How many rows would be taken."""
        return self.row_count - self.bad_count


class Finding(models.Model):
    """Why a row is not taken, or what was assumed of it."""

    of = models.ForeignKey(Import, models.CASCADE, related_name="findings")
    row = models.PositiveIntegerField()
    cell = models.CharField(max_length=10, blank=True)
    code = models.CharField(max_length=60)
    """Id of a message of `workbooks.messages`."""
    value = models.CharField(max_length=60, blank=True)
    details = models.JSONField(default=dict)
    is_note = models.BooleanField(default=False)
    is_late = models.BooleanField(default=False)
    """Found while the import was taken: the register had learnt something since."""

    class Meta:
        """Read by row."""

        indexes: ClassVar[list[models.Index]] = [
            models.Index(fields=["of", "is_note", "row"], name="imports_findings")
        ]

    def __str__(self) -> str:
        return f"{self.cell or self.row} {self.code}"


class SavedMapping(models.Model):
    """The columns that an office chose for a header, remembered by its fingerprint."""

    office = models.ForeignKey(Office, models.PROTECT, related_name="+")
    fingerprint = models.CharField(max_length=32)
    columns = models.JSONField()

    class Meta:
        """One for each header."""

        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(
                fields=["office", "fingerprint"], name="imports_mapping"
            )
        ]

    def __str__(self) -> str:
        return self.fingerprint
