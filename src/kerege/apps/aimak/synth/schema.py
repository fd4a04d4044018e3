"""The tables of a synthetic country: their columns and types, in the order of writing."""

import pyarrow as pa

_ID, _DAY, _TEXT = pa.int64(), pa.date32(), pa.string()
_WORD = pa.dictionary(pa.int32(), pa.string())

TABLES: dict[str, pa.Schema] = {
    "units": pa.schema(
        [
            ("code", _TEXT),
            ("parent", _TEXT),
            ("level", _WORD),
            ("name_ru", _TEXT),
            ("name_ky", _TEXT),
        ]
    ),
    "households": pa.schema(
        [
            ("household_id", _ID),
            ("unit", _WORD),
            ("office", _WORD),
            ("book_number", _TEXT),
            ("street", _WORD),
            ("house", _TEXT),
            ("flat", _TEXT),
            ("opened_on", _DAY),
        ]
    ),
    "persons": pa.schema(
        [
            ("person_id", _ID),
            ("sex", _WORD),
            ("surname", _WORD),
            ("given_name", _WORD),
            ("patronymic", _WORD),
            ("patronymic_absent", pa.bool_()),
            ("surname_latin", _WORD),
            ("given_name_latin", _WORD),
            ("birth_date", _DAY),
            ("death_date", _DAY),
            ("nationality", _WORD),
            ("citizenship", _WORD),
            ("education", _WORD),
            ("occupation", _WORD),
            ("marital_status", _WORD),
            ("mother_id", _ID),
            ("father_id", _ID),
        ]
    ),
    "memberships": pa.schema(
        [
            ("household_id", _ID),
            ("person_id", _ID),
            ("relation", _WORD),
            ("valid_from", _DAY),
            ("valid_to", _DAY),
        ]
    ),
    "absences": pa.schema(
        [
            ("person_id", _ID),
            ("reason", _WORD),
            ("valid_from", _DAY),
            ("valid_to", _DAY),
        ]
    ),
    "pins": pa.schema(
        [
            ("person_id", _ID),
            ("pin", _TEXT),
            ("status", _WORD),
            ("valid_from", _DAY),
            ("valid_to", _DAY),
        ]
    ),
    "dwellings": pa.schema(
        [
            ("household_id", _ID),
            ("kind", _WORD),
            ("rooms", pa.int16()),
            ("area_m2", pa.float64()),
            ("walls", _WORD),
            ("heating", _WORD),
            ("water", _WORD),
            ("built", pa.int16()),
        ]
    ),
    "land_plots": pa.schema(
        [
            ("household_id", _ID),
            ("plot_id", _ID),
            ("kind", pa.int8()),
            ("area_hectares", pa.float64()),
            ("held", _WORD),
        ]
    ),
    "livestock": pa.schema(
        [
            ("household_id", _ID),
            ("herd_id", _ID),
            ("species", pa.int8()),
            ("sex", _WORD),
            ("age_text", _WORD),
            ("heads", pa.int32()),
        ]
    ),
    "machinery": pa.schema(
        [("household_id", _ID), ("kind", _WORD), ("made", pa.int16())]
    ),
    "truth_defects": pa.schema(
        [
            ("table", _WORD),
            ("row_id", _ID),
            ("kind", _WORD),
            ("column", _WORD),
            ("planted", _TEXT),
            ("right", _TEXT),
        ]
    ),
    "truth_duplicates": pa.schema(
        [
            ("person_id", _ID),
            ("duplicate_id", _ID),
            ("differs", _WORD),
            ("same_office", pa.bool_()),
        ]
    ),
}
"""A truth about a unit has the unit's code as its `row_id`."""
