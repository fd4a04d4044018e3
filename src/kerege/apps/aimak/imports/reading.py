"""The rows of an import's file as candidates, the same way each time it is read."""

import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import date
from pathlib import Path

from kerege.apps.aimak.codes import CodeList, code_list
from kerege.apps.aimak.history import as_of
from kerege.apps.aimak.imports.models import Import
from kerege.apps.aimak.imports.planning import without_duplicates
from kerege.apps.aimak.models import Unit
from kerege.apps.aimak.soate import prefix_of
from kerege.apps.aimak.workbooks.candidates import Candidate, CandidateReader
from kerege.apps.aimak.workbooks.mapping import ColumnMapping, data_rows
from kerege.apps.aimak.workbooks.messages import Problem, WorkbookError, shown
from kerege.apps.aimak.workbooks.reader import read_rows

TICK_ROWS = 5_000
"""Rows between two signs of life: about a second."""
CODED = {
    "nationality": "nationalities",
    "education": "education",
    "marital_status": "marital_status",
}
"""Fields whose words are codes of a list; a word that is in none is told and left out."""


@contextmanager
def file_of(item: Import) -> Iterator[Path]:
    """Give the file a path for a while.

    Raises:
        WorkbookError: ``file.gone``.
    """
    if item.content is None:
        raise WorkbookError("file.gone")
    with tempfile.NamedTemporaryFile(prefix="kerege-import-") as file:
        file.write(bytes(item.content))
        file.flush()
        yield Path(file.name)


def read_candidates(
    item: Import, today: date, tick: Callable[[], None] = lambda: None
) -> list[Candidate]:
    """Return all rows below the header, each with all that is wrong with it.

    Args:
        item: The import.
        today: No date in the file is later.
        tick: Called now and then; what it raises ends the reading.

    Raises:
        WorkbookError: The file cannot be read.
        MappingError: The remembered columns cannot be used.
    """
    mapping = ColumnMapping.from_json(item.mapping)
    reader = CandidateReader(mapping.columns, today, epoch_1904=item.epoch_1904)
    placing = Placing(item.office.unit_code, item.unit_code, today)
    with file_of(item) as path:
        found = []
        for count, row in enumerate(data_rows(read_rows(path, item.sheet), mapping)):
            found.append(placing.placed(reader.read(row)))
            if count % TICK_ROWS == 0:
                tick()
    tick()
    return list(without_duplicates(found))


class Placing:
    """Knows the office's villages and the words of code lists."""

    def __init__(self, office_unit: str, default_unit: str, today: date) -> None:
        """Read the units that lie in the office's.

        Args:
            office_unit: SOATE code of what the office serves.
            default_unit: Of rows that name no village.
            today: The day of names.
        """
        self._default = default_unit
        self._units: dict[str, str] = {}
        below = Unit.objects.filter(code__startswith=prefix_of(office_unit))
        for unit in as_of(below, today):
            names = (unit.code, unit.name_ky, unit.name_ru, unit.name_en)
            self._units.update({n.casefold(): unit.code for n in names if n})
        self._words = {name: _words(code_list(of)) for name, of in CODED.items()}

    def placed(self, candidate: Candidate) -> Candidate:
        """Return the candidate with its unit's code, and words as codes."""
        values = dict(candidate.values)
        problems, notes = list(candidate.problems), list(candidate.notes)
        village = values.pop("village", None)
        code = self._units.get(str(village).casefold()) if village else self._default
        if code is None:
            problems.append(Problem("village.unknown", value=shown(village)))
        else:
            values["unit_code"] = code
        for name, words in self._words.items():
            if name in values:
                word = values.pop(name)
                known = words.get(str(word).casefold())
                if known is None:
                    notes.append(Problem("code.unknown", value=shown(word)))
                else:
                    values[name] = known
        return replace(
            candidate, values=values, problems=tuple(problems), notes=tuple(notes)
        )


def _words(codes: CodeList) -> dict[str, str]:
    words: dict[str, str] = dict(codes.aliases)
    for code in codes.codes.values():
        spellings = [code.names, *code.by_sex.values()]
        words.update({w.casefold(): code.code for s in spellings for w in s.values()})
        words[code.code] = code.code
    return words
