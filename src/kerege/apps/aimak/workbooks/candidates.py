"""Rows as candidates for the register: typed values, or problems and what to do.

A row is taken only without a problem. What was assumed while reading it (a day that came
first, a formula's value, a merged cell's) is a note: the row is taken, and it is told.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from kerege.apps.aimak.workbooks import values
from kerege.apps.aimak.workbooks.dates import DateError, read_date
from kerege.apps.aimak.workbooks.fields import Field, Kind, fields
from kerege.apps.aimak.workbooks.messages import Problem, shown
from kerege.apps.aimak.workbooks.sheets import Row, Value, cell_name
from kerege.apps.aimak.workbooks.values import ValueProblemError

Typed = str | int | Decimal | date
"""A value as the register keeps it."""
_OTHER_DIGIT = {"female": "2", "male": "1"}
"""First digits of PINs that are commonly the other sex's; not always, so only told."""
_NAMES = ("surname", "given_name", "patronymic")


@dataclass(frozen=True, slots=True)
class Candidate:
    """One row, read."""

    row: int
    """Its number in the file."""
    values: Mapping[str, Typed]
    """By field; fields without a value are missing."""
    problems: tuple[Problem, ...] = ()
    """Why it is not taken; none if it is."""
    notes: tuple[Problem, ...] = ()
    """What was assumed."""


class CandidateReader:
    """Makes candidates of rows, by one mapping."""

    def __init__(
        self, columns: Mapping[int, str], today: date, *, epoch_1904: bool = False
    ) -> None:
        """Take the mapping.

        Args:
            columns: Column (from 0) to field.
            today: No date is later.
            epoch_1904: As the book says.
        """
        known = fields()
        self._columns = [(column, known[name]) for column, name in columns.items()]
        # The PIN first: the date inside it decides between readings of a birth date.
        self._columns.sort(key=lambda each: (each[1].kind is not Kind.PIN, each[0]))
        self._today = today
        self._epoch_1904 = epoch_1904

    def read(self, row: Row) -> Candidate:
        """Return the candidate of a row; never raises for what stands in it."""
        reading = _Reading(row)
        for column, field in self._columns:
            self._read_cell(reading, column, field)
        if not any(each in reading.found for each in ("surname", "given_name")):
            reading.require(self._column_of("surname", "full_name"), "surname")
        for column, field in self._columns:
            if field.is_required:
                reading.require(column, field.name)
        reading.compare()
        return Candidate(
            row.number, reading.found, tuple(reading.problems), tuple(reading.notes)
        )

    def _column_of(self, *names: str) -> int | None:
        for column, field in self._columns:
            if field.name in names:
                return column
        return None

    def _read_cell(self, reading: "_Reading", column: int, field: Field) -> None:
        row, value = reading.row, reading.row.value(column)
        if column in row.errors:
            reading.problem(column, field, "cell.error")
            return
        if column in row.formulas and value is None:
            reading.problem(column, field, "cell.no_value")
        elif column in row.formulas:
            reading.note(column, "cell.formula")
        if value is None:
            return
        if column in row.cut:
            reading.problem(column, field, "text.too_long", most=str(field.max_chars))
            return
        if column in row.filled:
            reading.note(column, "cell.merged")
        try:
            self._take(reading, column, field, value)
        except ValueProblemError as error:
            reading.problem(column, field, error.code, **error.details)
        except DateError as error:
            reading.problem(column, field, error.code)

    def _take(
        self, reading: "_Reading", column: int, field: Field, value: Value
    ) -> None:
        text = values.text_of_cell(value)
        if values.is_empty(text, is_number=field.kind in (Kind.COUNT, Kind.DECIMAL)):
            return
        found = reading.found
        match field.kind:
            case Kind.TEXT:
                found[field.name] = values.plain_text(text, field)
            case Kind.NAME:
                found[field.name] = values.name(text, field)
            case Kind.FULL_NAME:
                parts = values.split_name(values.name(text, field))
                found.update({n: p for n, p in zip(_NAMES, parts, strict=True) if p})
            case Kind.PIN:
                found[field.name] = values.pin(value)
            case Kind.DATE:
                found[field.name] = self._date(reading, column, field, value)
            case Kind.SEX | Kind.RELATION:
                found[field.name] = values.code_of(text, field.kind.value)
            case Kind.COUNT:
                found[field.name] = values.count(value, field)
            case Kind.DECIMAL:
                found[field.name] = values.number(value, field)

    def _date(
        self, reading: "_Reading", column: int, field: Field, value: Value
    ) -> date:
        pin = reading.found.get("pin") if field.name == "birth_date" else None
        hint = values.birth_date_of(pin) if isinstance(pin, str) else None
        read = read_date(value, self._today, epoch_1904=self._epoch_1904, hint=hint)
        if read.note:
            reading.note(column, read.note, date=read.day.strftime("%d.%m.%Y"))
        return read.day


class _Reading:
    """What is known of one row while it is read."""

    def __init__(self, row: Row) -> None:
        self.row = row
        self.found: dict[str, Typed] = {}
        self.problems: list[Problem] = []
        self.notes: list[Problem] = []
        self._failed: set[str] = set()
        self._where: dict[str, int] = {}

    def problem(self, column: int, field: Field, code: str, **details: str) -> None:
        self._failed.add(field.name)
        if field.kind is Kind.FULL_NAME:
            self._failed.add("surname")
        self.problems.append(self._about(column, code, details))

    def note(self, column: int, code: str, **details: str) -> None:
        self.notes.append(self._about(column, code, details))

    def require(self, column: int | None, name: str) -> None:
        """Note a problem where a required value is missing, and not just unreadable."""
        if name not in self.found and name not in self._failed:
            cell = "" if column is None else cell_name(column, self.row.number)
            self._failed.add(name)
            self.problems.append(Problem(f"missing.{name}", cell))

    def compare(self) -> None:
        """Hold the values of a row against each other."""
        pin, born = self.found.get("pin"), self.found.get("birth_date")
        if isinstance(pin, str) and isinstance(born, date):
            inside = values.birth_date_of(pin)
            if inside is not None and inside != born:
                details = {
                    "date": born.strftime("%d.%m.%Y"),
                    "inside": inside.strftime("%d.%m.%Y"),
                }
                self.problems.append(Problem("pin.other_date", "", pin, details))
        sex = self.found.get("sex")
        if isinstance(pin, str) and pin[0] == _OTHER_DIGIT.get(str(sex)):
            self.notes.append(Problem("pin.other_sex", "", pin))

    def _about(self, column: int, code: str, details: dict[str, str]) -> Problem:
        cell = cell_name(column, self.row.number)
        return Problem(code, cell, shown(self.row.value(column)), details)
