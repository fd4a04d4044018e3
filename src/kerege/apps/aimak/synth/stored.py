"""The tables of a block as the register's tables have them: columns by their names there.

Nothing is asked of a database here. Identifiers of persons and households are kept, so
that the tables of truth fit. What a table cannot hold (a negative number of animals) is
left out, as an import would.
"""

from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from kerege.apps.aimak.synth.addresses import streets
from kerege.apps.aimak.synth.book import ID_ROOM
from kerege.apps.aimak.synth.columns import letters
from kerege.apps.aimak.synth.country import BlockTables
from kerege.apps.aimak.synth.facts import Ints, stream
from kerege.apps.aimak.synth.plan import Block, Plan

LAND_KINDS = ("homestead", "share", "leased", "garden", "pasture")
"""By the number of the kind, from 1."""
M2_OF_HECTARE = 10_000
_URL_SAFE = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
_PUBLIC_ID = 22
_ENDS = r" (уулу|кызы)$"
Columns = dict[str, Any]


class Storing:
    """Turns blocks of one country into rows of the register's tables."""

    def __init__(self, plan: Plan, offices: dict[str, int]) -> None:
        """Take the plan, and the identifiers of offices by SOATE code."""
        self.plan = plan
        self.offices = offices
        codes = (part.settlement.code for block in plan.blocks for part in block.parts)
        self._settlements = {code: at for at, code in enumerate(dict.fromkeys(codes))}
        self._street_names = {name: at for at, name in enumerate(streets())}
        self.streets: dict[int, tuple[str, str]] = {}
        """Streets that are lived in so far: unit and name by identifier."""

    def rows(self, block: Block, tables: BlockTables) -> dict[str, pa.Table]:
        """Return tables by the name of the model, in an order in which they can be filled."""
        households = tables["households"]
        office = self._codes(households["office"])
        opened = households["opened_on"].combine_chunks()
        first = block.index * ID_ROOM + 1
        homes = _Homes(first, opened)
        persons = tables["persons"]
        return {
            "Household": self._anchors(block, households["household_id"], office, 1),
            "Person": self._anchors(
                block, persons["person_id"], self._offices(block, tables, office), 2
            ),
            "HouseholdFacts": self._household_facts(tables, office),
            "PersonFacts": _person_facts(persons),
            "PersonPin": _pins(tables),
            "Membership": _memberships(tables["memberships"]),
            "Absence": _absences(tables["absences"]),
            "Dwelling": _dwellings(tables["dwellings"], homes),
            "LandPlot": _land(tables["land_plots"], homes),
            "Livestock": _livestock(tables["livestock"], homes),
            "Machinery": _machinery(tables["machinery"], homes),
        }

    def _codes(self, codes: pa.ChunkedArray) -> Ints:
        words = codes.combine_chunks()
        known = np.array([self.offices[code] for code in words.dictionary.to_pylist()])
        return np.asarray(known[words.indices.to_numpy()])

    def _anchors(
        self, block: Block, ids: pa.ChunkedArray, office: Ints, kind: int
    ) -> pa.Table:
        rng = stream(self.plan.seed, 400 + kind, block.index)
        alphabet = np.frombuffer(_URL_SAFE, dtype=np.uint8)
        drawn = alphabet[rng.integers(len(alphabet), size=(len(ids), _PUBLIC_ID))]
        return pa.table(
            {
                "id": ids,
                "public_id": letters(drawn),
                "office_id": office,
                "version": np.ones(len(ids), dtype=np.int64),
            }
        )

    def _offices(self, block: Block, tables: BlockTables, office: Ints) -> Ints:
        """Return the office of each person: that of the first household it is in."""
        members = tables["memberships"]["household_id"].to_numpy()
        homes = members[: len(tables["persons"])] - 1
        blocks, places = homes // ID_ROOM, homes % ID_ROOM
        here = blocks == block.index
        of_block = np.array(
            [self.offices[b.parts[0].settlement.office] for b in self.plan.blocks]
        )
        # a second record far away is in its block's first settlement
        return np.where(here, office[np.where(here, places, 0)], of_block[blocks])

    def _household_facts(self, tables: BlockTables, office: Ints) -> pa.Table:
        households = tables["households"]
        members = tables["memberships"]["household_id"].to_numpy()
        places = members - households["household_id"][0].as_py()
        here = places[(places >= 0) & (places < len(households))]
        alone = np.bincount(here, minlength=len(households)) == 1
        return pa.table(
            {
                "household_id": households["household_id"],
                "office_id": office,
                "number": households["book_number"],
                "kind": pa.array(np.where(alone, "single", "family")),
                "unit_code": _text(households["unit"]),
                "street_id": self._street_ids(households),
                "house": _text(households["house"]),
                "flat": _text(households["flat"]),
                "valid_from": households["opened_on"],
            }
        )

    def _street_ids(self, households: pa.Table) -> pa.Array:
        """Return streets; none in a unit that there is not, or in which nobody lives."""
        units = _text(households["unit"]).to_pylist()
        names = _text(households["street"]).to_pylist()
        found: list[int | None] = []
        for unit, name in zip(units, names, strict=True):
            settlement = self._settlements.get(unit)
            if settlement is None:
                found.append(None)
                continue
            place = settlement * len(self._street_names) + self._street_names[name] + 1
            self.streets[place] = (unit, name)
            found.append(place)
        return pa.array(found, pa.int64())


class _Homes:
    """Since when the households of a block are in the book."""

    def __init__(self, first: int, opened: pa.Array) -> None:
        self.first = first
        self.opened = opened

    def since(self, ids: pa.ChunkedArray) -> pa.Array:
        return self.opened.take(pa.array(ids.to_numpy() - self.first))


def _text(column: pa.ChunkedArray) -> pa.ChunkedArray:
    """Return text, blank where there is none."""
    return pc.fill_null(column.cast(pa.string()), "")


def _person_facts(persons: pa.Table) -> pa.Table:
    surname, patronymic = _text(persons["surname"]), _text(persons["patronymic"])
    ends = pc.match_substring_regex(surname, _ENDS)
    other_ends = pc.match_substring_regex(patronymic, _ENDS)
    women = pc.equal(_text(persons["sex"]), "F")
    suffix = pc.if_else(women, "кызы", "уулу")
    latin = pc.binary_join_element_wise(
        '["',
        pc.utf8_upper(_text(persons["surname_latin"])),
        " ",
        pc.utf8_upper(_text(persons["given_name_latin"])),
        '"]',
        "",
    )
    return pa.table(
        {
            "person_id": persons["person_id"],
            "surname": pc.replace_substring_regex(surname, _ENDS, ""),
            "given_name": _text(persons["given_name"]),
            "patronymic": pc.replace_substring_regex(patronymic, _ENDS, ""),
            "patronymic_absent": persons["patronymic_absent"],
            "suffix": pc.if_else(pc.or_(ends, other_ends), suffix, ""),
            "latin_names": latin,
            "sex": pc.if_else(women, "female", "male"),
            "birth_date": persons["birth_date"],
            "birth_precision": pc.if_else(
                pc.is_null(persons["birth_date"]), "unknown", "day"
            ),
            "birth_place": _same("", len(persons)),
            "death_date": persons["death_date"],
            "nationality": _text(persons["nationality"]),
            "citizenship": _text(persons["citizenship"]),
            "marital_status": _text(persons["marital_status"]),
            "education": _text(persons["education"]),
            "occupation": pc.replace_substring_regex(
                _text(persons["occupation"]), "^child$", ""
            ),
            "phone": _same("", len(persons)),
        }
    )


def _pins(tables: BlockTables) -> pa.Table:
    pins, persons = tables["pins"], tables["persons"]["person_id"]
    status = _text(pins["status"])
    earlier = pc.filter(pins["person_id"], pc.equal(status, "replaced"))
    again = pc.and_(
        pc.is_in(pins["person_id"], value_set=earlier.combine_chunks()),
        pc.equal(status, "active"),
    )
    told = pc.if_else(pc.equal(status, "blocked"), "blocked", "assigned")
    have = pa.table(
        {
            "person_id": pins["person_id"],
            "pin": pins["pin"],
            "status": pc.if_else(again, "changed", told),
            "valid_from": pins["valid_from"],
            "valid_to": pins["valid_to"],
        }
    )
    known = pc.is_in(persons, value_set=pins["person_id"].combine_chunks())
    without = pc.filter(persons, pc.invert(known))
    count = len(without)
    missing = pa.table(
        {
            "person_id": without,
            "pin": _same("", count),
            "status": _same("missing", count),
            "valid_from": pa.nulls(count, pa.date32()),
            "valid_to": pa.nulls(count, pa.date32()),
        }
    )
    return pa.concat_tables([have, missing])


def _memberships(members: pa.Table) -> pa.Table:
    relation = _text(members["relation"])
    return pa.table(
        {
            "person_id": members["person_id"],
            "household_id": members["household_id"],
            "relation": relation,
            "is_head": pc.equal(relation, "head"),
            "valid_from": members["valid_from"],
            "valid_to": members["valid_to"],
        }
    )


def _absences(absences: pa.Table) -> pa.Table:
    reason = _text(absences["reason"])
    return pa.table(
        {
            "person_id": absences["person_id"],
            "place": _same("", len(absences)),
            "country": pc.if_else(pc.equal(reason, "work_abroad"), "RUS", "KGZ"),
            "reason": reason,
            "valid_from": absences["valid_from"],
            "valid_to": absences["valid_to"],
        }
    )


def _dwellings(dwellings: pa.Table, homes: _Homes) -> pa.Table:
    count = len(dwellings)
    return pa.table(
        {
            "household_id": dwellings["household_id"],
            "line": _same(1, count),
            "kind": _text(dwellings["kind"]),
            "wall_material": _text(dwellings["walls"]),
            "heating": _text(dwellings["heating"]),
            "water": _text(dwellings["water"]),
            "ownership": _same("own", count),
            "year_built": dwellings["built"],
            "rooms": dwellings["rooms"],
            "area_m2": dwellings["area_m2"],
            "cadastre_code": _same("", count),
            "valid_from": homes.since(dwellings["household_id"]),
        }
    )


def _land(plots: pa.Table, homes: _Homes) -> pa.Table:
    kinds = pa.array(LAND_KINDS).take(pc.subtract(plots["kind"], 1).combine_chunks())
    area = pc.round(pc.multiply(plots["area_hectares"], M2_OF_HECTARE), 2)
    return pa.table(
        {
            "household_id": plots["household_id"],
            "line": _lines(plots["household_id"]),
            "kind": kinds,
            "ownership": _text(plots["held"]),
            "area_m2": area,
            "irrigated": pa.nulls(len(plots), pa.bool_()),
            "cadastre_code": _same("", len(plots)),
            "valid_from": homes.since(plots["household_id"]),
        }
    )


def _livestock(herds: pa.Table, homes: _Homes) -> pa.Table:
    """Return animals counted by species, sex and full years (3: and over)."""
    herds = herds.filter(pc.greater(herds["heads"], 0))
    years = pc.replace_substring(_text(herds["age_text"]), ",", ".")
    full = pc.replace_substring_regex(years, r"\..*$", "")
    group = pc.if_else(pc.is_in(full, pa.array(["", "0", "1", "2"])), full, "3")
    sexes = _text(herds["sex"])
    sex = pc.if_else(pc.equal(sexes, "F"), "female", "male")
    counted = pa.table(
        {
            "household_id": herds["household_id"],
            "species": herds["species"],
            "sex": pc.if_else(pc.equal(sexes, ""), "", sex),
            "age_group": group,
            "heads": herds["heads"],
        }
    )
    keys = ["household_id", "species", "sex", "age_group"]
    totals = counted.group_by(keys, use_threads=False).aggregate([("heads", "sum")])
    columns: Columns = {name: totals[name] for name in keys}
    columns["count"] = totals["heads_sum"]
    columns["valid_from"] = homes.since(totals["household_id"])
    return pa.table(columns)


def _machinery(machines: pa.Table, homes: _Homes) -> pa.Table:
    count = len(machines)
    return pa.table(
        {
            "household_id": machines["household_id"],
            "line": _lines(machines["household_id"]),
            "kind": _text(machines["kind"]),
            "make": _same("", count),
            "year_built": machines["made"],
            "count": _same(1, count),
            "valid_from": homes.since(machines["household_id"]),
        }
    )


def _same(value: str | int, count: int) -> pa.Array:
    return pa.repeat(value, count)


def _lines(households: pa.ChunkedArray) -> Ints:
    """Return line numbers 1, 2, ... in each household; its rows follow each other."""
    ids = households.to_numpy()
    starts = np.flatnonzero(np.concatenate(([True], ids[1:] != ids[:-1])))
    if not len(ids):
        return np.zeros(0, dtype=np.int64)
    lengths = np.diff(np.append(starts, len(ids)))
    return np.asarray(np.arange(len(ids)) - np.repeat(starts, lengths) + 1)
