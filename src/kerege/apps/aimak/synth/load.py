"""Load a synthetic country into the register's tables, whole or not at all.

The register must hold nobody yet. All rows carry one change, made by the system. The
truth about what is planted does not go into the database: the tables of truth have the
same identifiers, and stay beside (`write_truth`).
"""

from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from django.core.management.color import no_style
from django.db import connection, transaction
from django.db.models import Model
from django.utils import timezone

from kerege.apps.aimak.actions import Action, begin
from kerege.apps.aimak.models import (
    VERSIONED,
    Change,
    ChangeKind,
    Household,
    Person,
    Street,
    Unit,
    Versioned,
)
from kerege.apps.aimak.synth.book import ID_ROOM
from kerege.apps.aimak.synth.copying import copy, without_indexes
from kerege.apps.aimak.synth.country import BlockTables, block_tables, head_tables
from kerege.apps.aimak.synth.parquet import Progress
from kerege.apps.aimak.synth.plan import Block, Plan
from kerege.apps.aimak.synth.schema import TABLES
from kerege.apps.aimak.synth.stored import Storing
from kerege.apps.common.audit.record import record
from kerege.apps.common.staff.models import Office

_FILLED: list[type[Model]] = [*VERSIONED, Person, Household, Street]
_MODELS = {model.__name__: model for model in _FILLED}
_TRUTHS = ("truth_defects", "truth_duplicates")


class RegisterNotEmptyError(Exception):
    """There are people in the register already."""


def load(
    plan: Plan,
    *,
    progress: Callable[[Progress], None] | None = None,
    truth: Path | None = None,
) -> dict[str, int]:
    """Load a country; return how many rows each table of the register got.

    Args:
        plan: What to make.
        progress: Told after each block.
        truth: A folder for the tables of truth, as Parquet.

    Raises:
        RegisterNotEmptyError: There are persons or households in the register.
    """
    if Person.objects.exists() or Household.objects.exists():
        message = (
            "There are people in the register: a synthetic country is loaded into an "
            "empty one only"
        )
        raise RegisterNotEmptyError(message)
    truths: dict[str, list[pa.Table]] = {name: [] for name in _TRUTHS}
    with transaction.atomic(), without_indexes(_tables()):
        change = begin(_action(plan), timezone.now())
        loader = _Loader(plan, change)
        head = head_tables(plan)
        loader.units(head)
        _keep(truths, head)
        done = 0
        for block in plan.blocks:
            tables = block_tables(plan, block)
            loader.block(block, tables)
            _keep(truths, tables)
            done += block.persons
            if progress:
                progress(Progress(done, plan.persons))
        loader.far_memberships()
        record(None, "load synthetic country", details=_details(plan))
        _count_on()
    if truth:
        write_truth(truth, truths)
    return loader.counts


def write_truth(folder: Path, truths: dict[str, list[pa.Table]]) -> None:
    """Write the tables of truth into a folder."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, tables in truths.items():
        whole = pa.concat_tables([TABLES[name].empty_table(), *tables])
        pq.write_table(whole.unify_dictionaries(), folder / f"{name}.parquet")


def _keep(truths: dict[str, list[pa.Table]], tables: BlockTables) -> None:
    for name in _TRUTHS:
        if name in tables:
            truths[name].append(tables[name])


def _action(plan: Plan) -> Action:
    reason = f"Synthetic people: {plan.persons}, seed {plan.seed}"
    return Action(
        ChangeKind.IMPORT,
        actor=None,
        office=None,
        event="synthetic country",
        happened_on=plan.on,
        reason=reason,
    )


def _details(plan: Plan) -> dict[str, str]:
    return {"persons": str(plan.persons), "seed": str(plan.seed)}


def _tables() -> list[str]:
    models: list[type[Model]] = [*_MODELS.values(), Change]
    return [model._meta.db_table for model in models]


def _count_on() -> None:
    """Let the database give out identifiers after those that were loaded."""
    models: list[type[Model]] = [Person, Household, Street]
    with connection.cursor() as cursor:
        for statement in connection.ops.sequence_reset_sql(no_style(), models):
            cursor.execute(statement)


class _Loader:
    """Adds tables, and what every row of a version table carries.

    A row comes after those that it refers to. While one is missing, SQLite looks through
    whole tables for each row that could be it.
    """

    def __init__(self, plan: Plan, change: Change) -> None:
        self.counts: dict[str, int] = {}
        self._change = change
        self._plan = plan
        self.storing = Storing(plan, _offices(plan))
        self._streets: set[int] = set()
        self._far: list[pa.Table] = []

    def block(self, block: Block, tables: BlockTables) -> None:
        """Add a block, but for memberships in households of others."""
        rows = self.storing.rows(block, tables)
        self.streets()
        for name, these in rows.items():
            if name == "Membership":
                homes = pc.divide(pc.subtract(these["household_id"], 1), ID_ROOM)
                here = pc.equal(homes, block.index)
                self._far.append(these.filter(pc.invert(here)))
                self.add(name, these.filter(here))
            else:
                self.add(name, these)

    def far_memberships(self) -> None:
        """Add the memberships that were left out."""
        self.add("Membership", pa.concat_tables(self._far))

    def add(self, name: str, rows: pa.Table) -> None:
        model = _MODELS[name]
        if issubclass(model, Versioned):
            rows = self._versioned(rows)
        copy(model._meta.db_table, rows)
        self.counts[name] = self.counts.get(name, 0) + len(rows)

    def _versioned(self, rows: pa.Table) -> pa.Table:
        count = len(rows)
        for name in ("valid_from", "valid_to"):
            if name not in rows.column_names:
                rows = rows.append_column(name, pa.nulls(count, pa.date32()))
        at = self._change.recorded_at.isoformat(" ")
        if connection.vendor == "sqlite":
            at = at.removesuffix("+00:00")
        rows = rows.append_column("recorded_at", pa.repeat(at, count))
        return rows.append_column("change_id", pa.repeat(self._change.pk, count))

    def units(self, head: BlockTables) -> None:
        known = set(Unit.objects.values_list("code", flat=True))
        units = head["units"]
        fresh = pa.array([code not in known for code in units["code"].to_pylist()])
        units = units.filter(fresh)
        count = len(units)
        blank = pa.repeat("", count)
        self.add(
            "Unit",
            pa.table(
                {
                    "code": units["code"],
                    "parent_code": units["parent"],
                    "level": units["level"].cast(pa.string()),
                    "name_ky": units["name_ky"],
                    "name_ru": units["name_ru"],
                    "name_en": blank,
                    "successor_code": blank,
                }
            ),
        )

    def streets(self) -> None:
        """Add the streets that nobody lived in before."""
        ids = sorted(self.storing.streets.keys() - self._streets)
        self._streets.update(ids)
        used = [self.storing.streets[place] for place in ids]
        words = [f"s{place:021d}" for place in ids]
        units = [unit for unit, _ in used]
        columns = {"id": ids, "public_id": words, "unit_code": units}
        self.add("Street", pa.table(columns))
        names = pa.array([name for _, name in used], pa.string())
        blank = pa.repeat("", len(ids))
        named = {"street_id": ids, "name_ky": names, "name_ru": names, "name_en": blank}
        self.add("StreetName", pa.table(named))


def _offices(plan: Plan) -> dict[str, int]:
    """Return the offices by the code of their unit; make those that there are not."""
    units = {unit.code: unit for unit in plan.units}
    parts = (part for block in plan.blocks for part in block.parts)
    codes = dict.fromkeys(part.settlement.office for part in parts)
    known = dict(Office.objects.values_list("unit_code", "pk"))
    made = [
        Office(
            code=code,
            unit_code=code,
            name_ky=units[code].name_ky,
            name_ru=units[code].name_ru,
            name_en=units[code].name_ru,
        )
        for code in codes
        if code not in known
    ]
    Office.objects.bulk_create(made)
    return dict(Office.objects.values_list("unit_code", "pk"))
