"""The official file of units is taken, compared, and refused with the line."""

from datetime import date

import pytest

from kerege.apps.aimak.history import as_of
from kerege.apps.aimak.models import ChangeKind, Unit
from kerege.apps.aimak.units import (
    MAX_BYTES,
    UnitsFileError,
    compare,
    read_units,
    take,
)
from kerege.apps.common.staff.models import Office
from tests.apps.aimak.people import TODAY, begin
from tests.vectors import VECTORS

pytestmark = pytest.mark.django_db

FILE = """\
code,parent,level,name_ru,name_ky
41704000000000,,region,Нарынская область,Нарын облусу
41704210000000,41704000000000,district,Ак-Талинский район,
41704210830000,41704210000000,aimak,Кароол,Кароол
41704210830020,41704210830000,village,Кек-Джар,Көк-Жар
41704210840000,41704210000000,aimak,Толук,
41704400000010,41704000000000,town,г. Нарын,
"""


def taken(text: str, on: date | None, office: Office, **more) -> None:
    rows = read_units(text.encode())
    by = begin(office, ChangeKind.IMPORT, event="units")
    take(compare(rows, on or TODAY), on, by, **more)


def names(on: date) -> dict[str, str]:
    return dict(as_of(Unit.objects.all(), on).values_list("code", "name_ru"))


def test_the_first_file_holds_since_ever(karool: Office):
    taken(FILE, None, karool)
    assert len(names(date(1995, 1, 1))) == 6
    village = Unit.objects.get(code="41704210830020")
    assert (village.name_ky, village.parent_code) == ("Көк-Жар", "41704210830000")


def test_a_merger_ends_a_unit_on_its_day_and_names_its_successor(karool: Office):
    taken(FILE, None, karool)
    day = date(2024, 11, 1)
    merged = FILE.replace("41704210840000,41704210000000,aimak,Толук,\n", "")
    merged = merged.replace(",Кароол,", ",Кароол-Толук,")
    rows = read_units(merged.encode())
    diff = compare(rows, day)
    assert [row.name_ru for row in diff.different] == ["Кароол-Толук"]
    assert (diff.new, diff.gone) == ((), ("41704210840000",))
    taken(merged, day, karool, successors={"41704210840000": "41704210830000"})
    assert names(date(2024, 10, 31))["41704210840000"] == "Толук"
    assert "41704210840000" not in names(day)
    assert names(day)["41704210830000"] == "Кароол-Толук"
    old = as_of(Unit.objects.all(), date(2024, 10, 31)).get(code="41704210840000")
    assert old.successor_code == "41704210830000"
    assert compare(rows, day).gone == ()


def test_what_a_file_does_not_name_does_not_end_by_itself(karool: Office):
    taken(FILE, None, karool)
    part = "\n".join(FILE.splitlines()[:3])
    taken(part, date(2025, 1, 1), karool)
    assert len(names(TODAY)) == 6


def test_a_kyrgyz_name_is_not_lost_to_a_file_without_it(karool: Office):
    taken(FILE, None, karool)
    without = FILE.replace("Көк-Жар", "")
    assert compare(read_units(without.encode()), TODAY).different == ()


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (("41704210830020,", "4170421083002,"), "line 5: '4170421083002' is not a"),
        ((",village,", ",hamlet,"), "line 5: level 'hamlet' is none of region"),
        (("Кек-Джар", ""), "line 5: name_ru is empty"),
        (("Кек-Джар", "е" * 201), "line 5: a name is longer than 200 letters"),
        (("41704210840000,", "41704210830000,"), "was there already, on line 4"),
        (("0020,41704210830000", "0020,41704210840000"), "it cannot lie in"),
        (("0020,41704210830000", "0020,41705000000000"), "is not in the file"),
        (("41704210000000,41704000000000", "41704210000000,"), "cannot lie in no unit"),
        (("parent", "above"), "columns are missing: parent"),
    ],
)
def test_a_wrong_file_is_refused_with_its_line(change: tuple[str, str], told: str):
    with pytest.raises(UnitsFileError, match=told):
        read_units(FILE.replace(*change).encode())


def test_what_is_no_such_file_is_refused():
    with pytest.raises(UnitsFileError, match="is not UTF-8"):
        read_units(FILE.replace("ө", "о").encode("cp1251"))
    with pytest.raises(UnitsFileError, match="larger than"):
        read_units(b"x" * (MAX_BYTES + 1))
    with pytest.raises(UnitsFileError, match="more than 20,000 units"):
        read_units(b"code,parent,level,name_ru\n" + b"1,2,3,4\n" * 20_001)


def test_the_regions_and_districts_of_the_official_file_are_taken(karool: Office):
    path = VECTORS / "soate" / "regions-and-districts.csv"
    if not path.is_file():
        pytest.skip("SOATE codes not found at ../shared/vectors/soate")
    taken(path.read_text(encoding="utf-8"), None, karool)
    assert Unit.objects.filter(level="region").count() == 9
    assert Unit.objects.filter(level__in=("district", "town")).count() == 55
