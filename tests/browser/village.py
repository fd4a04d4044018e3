"""A village for the pages of the register: one family, its units, found by search."""

from datetime import date

UNITS = (
    ("41704000000000", "", "region", "Нарын облусу", "Нарынская область"),
    ("41704210000000", "41704000000000", "district", "", "Ак-Талинский район"),
    ("41704210830000", "41704210000000", "aimak", "", "Кароол"),
    ("41704210830020", "41704210830000", "village", "", "Кек-Джар"),
)


def settle(office) -> dict[str, str]:
    """Write the family into the office's book; return words for the paths of pages."""
    from kerege.apps.aimak import history
    from kerege.apps.aimak.models import Unit
    from kerege.apps.aimak.search.index import rebuild
    from tests.apps.aimak.people import Book, begin

    by = begin(office)
    for code, parent, level, name_ky, name_ru in UNITS:
        values = {"parent_code": parent, "level": level}
        names = {"name_ky": name_ky, "name_ru": name_ru}
        history.change(Unit, (code,), values | names, None, by)
    book = Book(office)
    home = book.household("17", flat="2")
    usen = book.person(
        home,
        "Асанов Үсөн",
        "head",
        date(1987, 3, 5),
        "20503198700011",
        sex="male",
    )
    for name, relation, born in (
        ("Асанова Айгүл", "spouse", date(1990, 7, 12)),
        ("Асанова Мээрим", "ward", date(2015, 1, 20)),
        ("Асанова Бурул", "parent", date(1960, 5, 1)),
    ):
        book.person(home, name, relation, born, sex="female")
    rebuild()
    return {"household": home.public_id, "person": usen.public_id}
