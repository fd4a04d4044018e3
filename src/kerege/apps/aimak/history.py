"""The rules by which versions come and go. Everything that changes the book passes here.

Rules:

1. Of one key (`Versioned.KEY`), at most one current row is valid on any day.
2. A *change* holds from a day on. The row of that day is superseded by two: its copy that
   ends there, and one with the new values. A later row that still has an old value takes
   the new one too, up to the first that had already changed it: what is entered late does
   not undo what is known of later days.
3. An *end* leaves nothing from a day on.
4. A *correction* supersedes a row and inserts one that says what should have been there.
5. An *undo* puts back what a change superseded and supersedes what it inserted; it is
   refused when somebody has built on it (`kerege.apps.aimak.undo`).
6. No row is deleted, and none is written a second time but to supersede it.

Callers open the transaction and lock what they touch (`kerege.apps.aimak.locking`), then
begin the `Change`, then come here.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from itertools import islice, pairwise
from typing import Any, Generic, TypeVar

from django.db.models import F, Q, QuerySet

from kerege.apps.aimak.models import Change, Versioned

V = TypeVar("V", bound=Versioned)
T = TypeVar("T")
Key = tuple[Any, ...]
"""Values of the columns of `KEY`, in their order."""
Values = Mapping[str, object]
"""New values by column (``street_id``, not ``street``)."""

CHUNK = 900
"""Keys in one statement: SQLite of old took 999 parameters."""
_TIMES = frozenset(
    {"id", "recorded_at", "superseded_at", "change_id", "superseded_by_id"}
)


class HistoryError(Exception):
    """A version cannot be written as asked."""


class StaleRowError(HistoryError):
    """The row to be corrected has been superseded meanwhile."""

    def __init__(self, row: Versioned) -> None:
        """Take the row as the caller knows it."""
        super().__init__(
            f"{type(row).__name__} {row} was changed by somebody else; "
            "look at it again and repeat the correction"
        )


class OverlapError(HistoryError):
    """Two rows of one key would be valid on one day."""

    def __init__(self, model: type[Versioned], key: Key) -> None:
        """Take the table and the key."""
        super().__init__(
            f"{model.__name__}: two rows would hold on the same day; "
            "correct the days of the other row first"
        )
        self.key = key


class DaysError(HistoryError):
    """A row would end before it begins."""

    def __init__(self, row: Versioned) -> None:
        """Take the row as it would be."""
        super().__init__(
            f"{type(row).__name__}: the last day {row.valid_to} is not after "
            f"the first, {row.valid_from}"
        )


def as_of(
    rows: QuerySet[V], day: date, known_at: datetime | None = None
) -> QuerySet[V]:
    """Return the rows that were valid on a day, as was believed at a time.

    Args:
        rows: Any query of a version table.
        day: The day in question.
        known_at: What the register believed then; None: what it believes now.
    """
    valid = Q(valid_from__isnull=True) | Q(valid_from__lte=day)
    valid &= Q(valid_to__isnull=True) | Q(valid_to__gt=day)
    return rows.filter(valid, believed(known_at))


def believed(known_at: datetime | None = None) -> Q:
    """Return the condition of rows that the register believed at a time (None: now)."""
    if known_at is None:
        return Q(superseded_at__isnull=True)
    still = Q(superseded_at__isnull=True) | Q(superseded_at__gt=known_at)
    return Q(recorded_at__lte=known_at) & still


def change(
    model: type[V], key: Key, values: Values, day: date | None, by: Change
) -> None:
    """Let something be so from a day on (rule 2); see `change_many`."""
    change_many(model, {key: values}, day, by)


def change_many(
    model: type[V], wanted: Mapping[Key, Values], day: date | None, by: Change
) -> None:
    """Let many things be so from a day on (rule 2).

    Where no row holds on that day, one is made that holds until the next row begins.

    Args:
        model: The version table.
        wanted: The columns that change, by key; others stay as they are.
        day: The first day; None: since ever.
        by: The change that all of it belongs to.
    """
    with Writer(model, by) as writer:
        for key, rows in current_by_key(model, wanted):
            values = wanted[key]
            covering = next((row for row in rows if covers(row, day)), None)
            if covering is None:
                until = next(
                    (r.valid_from for r in rows if _begins_after(r, day)), None
                )
                writer.add(key, values, day, until)
            else:
                later = [row for row in rows if _begins_after(row, day)]
                _split(writer, covering, values, day, later)


def end(model: type[V], key: Key, day: date, by: Change) -> None:
    """Leave nothing from a day on (rule 3); see `end_many`."""
    end_many(model, [key], day, by)


def end_many(
    model: type[V],
    keys: Iterable[Key],
    day: date,
    by: Change,
    closing: Mapping[Key, Values] | None = None,
) -> None:
    """Leave nothing from a day on, for many keys (rule 3).

    Args:
        model: The version table.
        keys: What ends.
        day: The first day on which it is no more.
        by: The change that all of it belongs to.
        closing: By key, columns that the row which ends there has besides.
    """
    with Writer(model, by) as writer:
        for key, rows in current_by_key(model, keys):
            for row in rows:
                if row.valid_to is None or row.valid_to > day:
                    writer.supersede(row)
                    if not _begins_from(row, day):
                        values = (closing or {}).get(key, {})
                        writer.copy(row, {**values, "valid_to": day})


def correct(row: V, values: Values, by: Change) -> None:
    """Supersede a row by one that says what should have been there (rule 4).

    Args:
        row: A current row.
        values: The columns that were wrong, `valid_from` and `valid_to` among them.
        by: The correction.

    Raises:
        StaleRowError: The row is not current any more.
        OverlapError: With other days, two rows would hold on one of them.
        DaysError: It would end before it begins.
    """
    _check_current(row)
    with Writer(type(row), by, is_checked=True) as writer:
        writer.supersede(row)
        writer.copy(row, values)


def remove(row: Versioned, by: Change) -> None:
    """Supersede a row by nothing: it never was so (rule 4).

    Raises:
        StaleRowError: The row is not current any more.
    """
    _check_current(row)
    with Writer(type(row), by) as writer:
        writer.supersede(row)


def insert_many(
    model: type[V], rows: Iterable[tuple[Key, Values]], day: date | None, by: Change
) -> None:
    """Insert open rows of keys that are new: what `change_many` does, without looking.

    Raises:
        django.db.IntegrityError: A key has an open row already.
    """
    with Writer(model, by) as writer:
        for key, values in rows:
            writer.add(key, values, day, None)


def key_of(row: Versioned) -> Key:
    """Return the key of a row."""
    return tuple(getattr(row, name) for name in row.KEY)


def covers(row: Versioned, day: date | None) -> bool:
    """Return whether a row is valid on a day; None is the day before all days."""
    return not _begins_after(row, day) and (
        row.valid_to is None or day is None or row.valid_to > day
    )


def current_by_key(
    model: type[V], keys: Iterable[Key]
) -> Iterator[tuple[Key, list[V]]]:
    """Yield the current rows of each key in order of days, keys without rows too."""
    for chunk in chunks(dict.fromkeys(keys), CHUNK):
        found: defaultdict[Key, list[V]] = defaultdict(list)
        firsts = {key[0] for key in chunk}
        rows = model._default_manager.filter(
            believed(), **{f"{model.KEY[0]}__in": firsts}
        )
        for row in rows:
            found[key_of(row)].append(row)
        for key in chunk:
            yield key, sorted(found.get(key, []), key=_start)


def chunks(values: Iterable[T], size: int) -> Iterator[list[T]]:
    """Yield the values in lists of at most `size`."""
    rest = iter(values)
    while chunk := list(islice(rest, size)):
        yield chunk


@dataclass
class Writer(Generic[V]):
    """Collects what one change supersedes and inserts, and writes it in few statements.

    For this module and `undo`.
    """

    model: type[V]
    by: Change
    is_checked: bool = False
    """Hold rule 1 before writing; those who split rows keep it by themselves."""
    old: list[V] = field(default_factory=list)
    new: list[V] = field(default_factory=list)

    def __enter__(self) -> "Writer[V]":
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if kind is None:
            if self.is_checked:
                self._check()
            self._write()

    def supersede(self, row: V) -> None:
        """Let a row be believed no longer."""
        self.old.append(row)

    def copy(self, row: V, values: Values) -> None:
        """Insert a row like another, with other values."""
        names = (f.attname for f in self.model._meta.concrete_fields)
        columns = {n: getattr(row, n) for n in names if n not in _TIMES}
        self._insert(columns | dict(values))

    def add(
        self, key: Key, values: Values, since: date | None, until: date | None
    ) -> None:
        """Insert the first row of a key, or one in a gap."""
        columns = dict(zip(self.model.KEY, key, strict=True))
        self._insert(columns | {"valid_from": since, "valid_to": until} | dict(values))

    def _insert(self, columns: dict[str, Any]) -> None:
        times = {"recorded_at": self.by.recorded_at, "change_id": self.by.pk}
        self.new.append(self.model(**columns, **times))

    def _check(self) -> None:
        gone = {row.pk for row in self.old}
        new: defaultdict[Key, list[V]] = defaultdict(list)
        for row in self.new:
            if row.valid_to is not None and row.valid_to <= _start(row):
                raise DaysError(row)
            new[key_of(row)].append(row)
        for key, current in current_by_key(self.model, new):
            stay = [row for row in current if row.pk not in gone]
            for one, next_one in pairwise(sorted(stay + new[key], key=_start)):
                if one.valid_to is None or one.valid_to > _start(next_one):
                    raise OverlapError(self.model, key)

    def _write(self) -> None:
        """Supersede first: the database knows only one open row of a key."""
        for chunk in chunks([row.pk for row in self.old], CHUNK):
            rows = self.model._default_manager.filter(believed(), pk__in=chunk)
            at = self.by.recorded_at
            # A clock that was put back: no row ends before it was recorded.
            rows.filter(recorded_at__gt=at).update(
                superseded_at=F("recorded_at"), superseded_by=self.by
            )
            rows.update(superseded_at=at, superseded_by=self.by)
        self.model._default_manager.bulk_create(self.new, batch_size=CHUNK)


def _split(
    writer: Writer[V], row: V, values: Values, day: date | None, later: Sequence[V]
) -> None:
    """Rule 2: cut the row at the day, and carry the new values on through later rows."""
    changed = {name: new for name, new in values.items() if getattr(row, name) != new}
    if not changed:
        return
    writer.supersede(row)
    if row.valid_from != day:
        writer.copy(row, {"valid_to": day})
    writer.copy(row, changed | {"valid_from": day})
    before = row
    for after in later:
        unbroken = before.valid_to == after.valid_from
        changed = {
            name: new
            for name, new in changed.items()
            if unbroken and getattr(after, name) == getattr(row, name)
        }
        if not changed:
            return
        writer.supersede(after)
        writer.copy(after, changed)
        before = after


def _check_current(row: Versioned) -> None:
    rows = type(row)._default_manager.filter(believed(), pk=row.pk)
    if not rows.select_for_update().exists():
        raise StaleRowError(row)


def _start(row: Versioned) -> date:
    return row.valid_from or date.min


def _begins_after(row: Versioned, day: date | None) -> bool:
    return row.valid_from is not None and (day is None or row.valid_from > day)


def _begins_from(row: Versioned, day: date) -> bool:
    return row.valid_from is not None and row.valid_from >= day
