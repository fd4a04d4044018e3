"""Facts that changed and facts that were written wrongly; the book on paper."""

import re
from datetime import date

import pytest
from django.urls import reverse

from kerege.apps.aimak.history import change
from kerege.apps.aimak.models import (
    Change,
    ChangeKind,
    LandPlot,
    Livestock,
    PersonFacts,
)
from kerege.apps.aimak.statistics import ROUNDED_TO
from kerege.apps.common.staff.models import Office
from kerege.apps.common.staff.rights import Role
from tests.apps.aimak.conftest import Family
from tests.apps.aimak.people import Book, begin
from tests.apps.aimak.test_event_screens import DAY, errors_of, signed_in, tell

pytestmark = pytest.mark.django_db
WHY = {"reason": "she showed her passport", "document_kind": "passport"}


def facts_of(family: Family, section: str, line: str = "now") -> str:
    args = [family.household.public_id, section, line]
    return reverse("aimak:amend-household", args=args)


def names_of(family: Family) -> str:
    return reverse("aimak:amend-person", args=[family.aigul.public_id, "facts", "now"])


def aigul(**more: str) -> dict[str, str]:
    names = {
        "fact_surname": "Асанова",
        "fact_given_name": "Айгүл",
        "fact_sex": "female",
    }
    born = {
        "fact_birth_date_day": "12",
        "fact_birth_date_month": "7",
        "fact_birth_date_year": "1990",
    }
    return WHY | names | born | more


def test_a_surname_that_changed_keeps_the_old_one_before_the_day(asanovs: Family):
    clerk = signed_in(asanovs.office)
    page = clerk.get(names_of(asanovs)).content.decode()
    assert "It was written wrongly and never was so" in page
    done = tell(
        clerk, names_of(asanovs), DAY | aigul(kind="change", fact_surname="Токтосунова")
    )
    assert "It is in the book" in done.content.decode()
    names = PersonFacts.objects.filter(person=asanovs.aigul, superseded_at=None)
    assert set(names.values_list("surname", flat=True)) == {"Асанова", "Токтосунова"}


def test_a_surname_that_was_written_wrongly_never_was(asanovs: Family):
    clerk = signed_in(asanovs.office)
    tell(clerk, names_of(asanovs), aigul(kind="correction", fact_surname="Токтосунова"))
    names = PersonFacts.objects.filter(person=asanovs.aigul, superseded_at=None)
    assert names.get().surname == "Токтосунова"
    assert Change.objects.latest("pk").kind == ChangeKind.CORRECTION


def test_a_change_without_its_day_is_asked_for_it(asanovs: Family):
    clerk = signed_in(asanovs.office)
    page = clerk.post(names_of(asanovs), aigul(kind="change")).content.decode()
    assert "From which day?: Enter the date." in errors_of(page)


def test_land_and_animals_are_added_counted_again_and_ended(asanovs: Family):
    clerk = signed_in(asanovs.office)
    plot = DAY | WHY | {"kind": "change", "fact_area_m2": "600", "fact_irrigated": "1"}
    land = facts_of(asanovs, "land", "new")
    page = clerk.get(land).content.decode()
    assert "This is new in the book" in page
    tell(clerk, land, plot)
    assert LandPlot.objects.get().irrigated is True
    sheep = DAY | WHY | {"kind": "change", "fact_species": "3", "fact_count": "12"}
    tell(clerk, facts_of(asanovs, "livestock", "new"), sheep)
    card = reverse("aimak:household", args=[asanovs.household.public_id])
    assert facts_of(asanovs, "livestock", "3--") in clerk.get(card).content.decode()
    end = {"on_day": "1", "on_month": "3", "on_year": "2026", "kind": "end"}
    tell(clerk, facts_of(asanovs, "livestock", "3--"), WHY | end | {"fact_count": "12"})
    assert Livestock.objects.get(superseded_at=None).valid_to is not None


def test_what_is_not_there_or_of_another_office_cannot_be_changed(
    asanovs: Family, toluk: Office
):
    clerk = signed_in(asanovs.office)
    for section, line in (("land", "7"), ("land", "x"), ("facts", "now"), ("no", "1")):
        assert clerk.get(facts_of(asanovs, section, line)).status_code == 404
    stranger = signed_in(toluk, "Замира")
    assert stranger.get(names_of(asanovs)).status_code == 404
    assert stranger.get(facts_of(asanovs, "address")).status_code == 404


def test_the_book_is_printed_in_the_order_of_its_numbers(asanovs: Family):
    clerk = signed_in(asanovs.office)
    for number in ("100", "9"):
        Book(asanovs.office).household(number)
    page = clerk.get(reverse("aimak:book")).content.decode()
    assert page.index("Household 9<") < page.index("Household 17<")
    assert page.index("Household 17<") < page.index("Household 100<")
    assert page.count("kerege-page-break") == 2
    assert "Copy, not a certificate" in page
    part = clerk.get(reverse("aimak:list"), {"first": "10", "last": "50"})
    assert "Асанов Үсөн" in part.content.decode()
    assert ">100<" not in part.content.decode()


def test_another_office_prints_its_own_book(asanovs: Family, toluk: Office):
    stranger = signed_in(toluk, "Замира")
    page = stranger.get(reverse("aimak:book")).content.decode()
    assert "There is no such household in this book." in page


def test_statistics_tell_nothing_about_few(asanovs: Family):
    analyst = signed_in(asanovs.office, "Нурлан", Role.ANALYST)
    book = Book(asanovs.office)
    for number in range(6):
        home = book.household(f"2{number}")
        book.person(home, f"Бакиев Ф{number}", "head", date(1980, 1, 1), "", sex="male")
        values = {"count": 10}
        key = (home.pk, 3, "", "")
        change(Livestock, key, values, date(2020, 1, 1), begin(asanovs.office))
    page = analyst.get(reverse("aimak:statistics"), DAY).content.decode()
    counts = [int(n) for n in re.findall(r"(?:Men|Women), [^:<]*: ([0-9]+)", page)]
    assert counts
    assert {count % ROUNDED_TO for count in counts} == {0}
    assert re.search(r"Men, 45–49: (5|10)<", page)  # six of them
    assert ": 60<" in page
    assert "Бакиев" not in page
    auditor = signed_in(asanovs.office, "Салтанат", Role.AUDITOR)
    assert auditor.get(reverse("aimak:statistics")).status_code == 403
