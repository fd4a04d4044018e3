"""Administrative units from the official file, and as they change with the years.

The file is a CSV with the columns ``code``, ``parent``, ``level`` and ``name_ru``, and
``name_ky`` and ``name_en`` where there are any. It is read to its end and checked before
a row is written; what differs from the units of today is one `Change`, so that a merger
ends units on its day and nothing of earlier days is lost.
"""

import csv
import io
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime

from django.db import transaction

from kerege.apps.aimak.actions import Action, Document, begin
from kerege.apps.aimak.history import as_of, change_many, end_many
from kerege.apps.aimak.models import Change, ChangeKind, Level, Unit
from kerege.apps.aimak.soate import CODE, ancestors, may_be_parent
from kerege.apps.common.audit.record import record

MAX_BYTES = 4_194_304
"""The whole country has about 2,500 units, under half a megabyte."""
MAX_UNITS = 20_000
_COLUMNS = ("code", "parent", "level", "name_ru")
_NAMES = ("name_ru", "name_ky", "name_en")
_MAX_NAME = 200


class UnitsFileError(Exception):
    """The file cannot be taken; nothing of it was."""

    def __init__(self, problems: list[str]) -> None:
        """Take what is wrong, each with its line."""
        shown = "\n".join(problems[:20])
        more = f"\n… and {len(problems) - 20} more" if len(problems) > 20 else ""
        super().__init__(f"The units were not taken:\n{shown}{more}")
        self.problems = problems


@dataclass(frozen=True, slots=True)
class UnitRow:
    """One unit of the file."""

    line: int
    code: str
    parent_code: str
    level: str
    name_ru: str
    name_ky: str = ""
    name_en: str = ""

    def values(self) -> Mapping[str, object]:
        """Return its columns; a name that the file does not tell is left as it was."""
        known = {
            "parent_code": self.parent_code,
            "level": self.level,
            "name_ru": self.name_ru,
        }
        names = {"name_ky": self.name_ky, "name_en": self.name_en}
        return known | {key: name for key, name in names.items() if name}


@dataclass(frozen=True, slots=True)
class UnitsDiff:
    """What a file would change."""

    new: tuple[UnitRow, ...]
    different: tuple[UnitRow, ...]
    gone: tuple[str, ...]
    """Codes of today that the file does not have."""


def read_units(content: bytes) -> list[UnitRow]:
    """Read and check a file.

    Raises:
        UnitsFileError: Too large, not UTF-8, without the columns, or with wrong rows:
            codes of another form, twice, or in a unit that is not there or cannot be.
    """
    if len(content) > MAX_BYTES:
        raise UnitsFileError([f"the file is larger than {MAX_BYTES:,} bytes"])
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        problem = f"the file is not UTF-8 (byte {error.start}); save it as UTF-8"
        raise UnitsFileError([problem]) from error
    rows = list(_rows(text))
    problems = [problem for row in rows for problem in _form_problems(row)]
    problems += _place_problems(rows)
    if problems:
        raise UnitsFileError(sorted(problems, key=_line_of))
    return rows


def compare(rows: Iterable[UnitRow], on: date) -> UnitsDiff:
    """Say what of a file differs from the units of a day."""
    today = {unit.code: unit for unit in as_of(Unit.objects.all(), on)}
    listed = list(rows)
    return UnitsDiff(
        new=tuple(row for row in listed if row.code not in today),
        different=tuple(
            row
            for row in listed
            if row.code in today and _differs(row, today[row.code])
        ),
        gone=tuple(sorted(set(today) - {row.code for row in listed})),
    )


def take(
    diff: UnitsDiff,
    on: date | None,
    by: Change,
    successors: Mapping[str, str] | None = None,
) -> None:
    """Let the units of a file hold from a day on.

    Args:
        diff: From `compare`.
        on: The first day; None, for the very first file: since ever.
        by: A change of kind ``import``.
        successors: By code of a unit that is gone, the one it became part of. Units
            that are gone end only if they are named here.
    """
    wanted = {(row.code,): row.values() for row in (*diff.new, *diff.different)}
    change_many(Unit, wanted, on, by)
    closing = {
        (code,): {"successor_code": unit}
        for code, unit in (successors or {}).items()
        if code in diff.gone
    }
    if on is not None:
        end_many(Unit, list(closing), on, by, closing)


def take_file(
    diff: UnitsDiff,
    on: date | None,
    now: datetime,
    successors: Mapping[str, str],
    name: str,
) -> Change:
    """Take a file as one change of the system's administrator; see `take`."""
    action = Action(
        ChangeKind.IMPORT, None, None, "units", on, document=Document(number=name[:60])
    )
    with transaction.atomic():
        by = begin(action, now)
        take(diff, on, by, successors)
        record(None, "take units", by.public_id, details={"new": str(len(diff.new))})
    return by


def _rows(text: str) -> Iterator[UnitRow]:
    reader = csv.DictReader(io.StringIO(text))
    missing = [name for name in _COLUMNS if name not in (reader.fieldnames or ())]
    if missing:
        problem = "line 1: columns are missing: " + ", ".join(missing)
        raise UnitsFileError([problem])
    try:
        for number, row in enumerate(reader, 2):
            if number > MAX_UNITS:
                raise UnitsFileError([f"the file has more than {MAX_UNITS:,} units"])
            cells = {
                name: (row.get(name) or "").strip() for name in (*_COLUMNS, *_NAMES)
            }
            yield UnitRow(
                number,
                cells["code"],
                cells["parent"],
                cells["level"],
                cells["name_ru"],
                cells["name_ky"],
                cells["name_en"],
            )
    except csv.Error as error:
        raise UnitsFileError([f"line {reader.line_num}: {error}"]) from error


def _form_problems(row: UnitRow) -> Iterator[str]:
    where = f"line {row.line}"
    if not CODE.fullmatch(row.code):
        yield f"{where}: {row.code!r} is not a SOATE code: 417 and 11 more digits"
    if row.level not in Level.values:
        known = ", ".join(Level.values)
        yield f"{where}: level {row.level!r} is none of {known}"
    if not row.name_ru:
        yield f"{where}: name_ru is empty"
    if max(len(getattr(row, name)) for name in _NAMES) > _MAX_NAME:
        yield f"{where}: a name is longer than {_MAX_NAME} letters"


def _place_problems(rows: list[UnitRow]) -> Iterator[str]:
    """Each code once, in a unit of the file that its own digits lie in, and nearest."""
    known: dict[str, UnitRow] = {}
    for row in rows:
        if row.code in known:
            first = known[row.code].line
            yield f"line {row.line}: {row.code} was there already, on line {first}"
        known.setdefault(row.code, row)
    for row in rows:
        where = f"line {row.line}: {row.code}"
        if row.parent_code and row.parent_code not in known:
            yield f"{where}: its parent {row.parent_code} is not in the file"
        elif not may_be_parent(row.parent_code, row.code):
            nearest = next((c for c in reversed(ancestors(row.code)) if c in known), "")
            hint = f"; by its digits it lies in {nearest}" if nearest else ""
            yield f"{where}: it cannot lie in {row.parent_code or 'no unit'}{hint}"


def _differs(row: UnitRow, unit: Unit) -> bool:
    return any(getattr(unit, name) != value for name, value in row.values().items())


def _line_of(problem: str) -> int:
    digits = problem.removeprefix("line ").partition(":")[0]
    return int(digits) if digits.isdigit() else 0
