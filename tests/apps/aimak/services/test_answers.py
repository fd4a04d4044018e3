"""What other members' systems get, to the letter."""

from datetime import date

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from kerege.apps.aimak import history
from kerege.apps.aimak.models import (
    HouseholdFacts,
    LandPlot,
    Livestock,
    ProtectionKind,
    Street,
    StreetName,
)
from kerege.apps.common.audit.models import Entry
from tests.apps.aimak.conftest import AIGUL_PIN, USEN_PIN, Family, protect
from tests.apps.aimak.people import Book, begin
from tests.apps.aimak.services.asker import BANK, ask

pytestmark = pytest.mark.django_db

UNKNOWN = "20101190000000"
SERVICES = ("address-fact", "family-members", "livestock", "land", "household-card")


def test_an_address_has_the_fields_that_clients_read(asanovs: Family, units):
    street = Street.objects.create(unit_code="41704210830020")
    by = begin(asanovs.office)
    history.change(StreetName, (street.pk,), {"name_ru": "ул. Манас"}, None, by)
    home = asanovs.household.pk
    history.change(HouseholdFacts, (home,), {"street_id": street.pk}, None, by)
    answer = ask(f"/address-fact/{USEN_PIN}")
    assert answer.status == 200
    assert answer.json == {
        "pin": USEN_PIN,
        "liveInHouseholdFrom": True,
        "state": "Кыргызская Республика",
        "stateId": "41700000000000",
        "region": "Нарынская область",
        "regionId": "41704000000000",
        "district": "Ак-Талинский район",
        "districtId": "41704210000000",
        "city": "Кек-Джар",
        "cityId": "41704210830020",
        "street": "ул. Манас",
        "streetId": street.public_id,
        "house": "17",
        "flat": "2",
    }
    assert "Нарынская область".encode() in answer.body


def test_a_family_begins_with_its_head(asanovs: Family):
    answer = ask(f"/family-members/{AIGUL_PIN}")
    assert answer.status == 200
    assert answer.json == {
        "code": 200,
        "message": "OK",
        "members": [
            {"name": "Асанов Үсөн", "role": "Глава семьи"},
            {"name": "Асанова Бурул", "role": "Мать"},
            {"name": "Асанова Айгүл", "role": "Супруга"},
            {"name": "Асанова Мээрим", "role": "Приёмный ребёнок или подопечный"},
        ],
    }


def test_nobody_is_found_in_the_ways_that_clients_expect(asanovs: Family):
    for pin in (UNKNOWN, "12", "2050319870001x", "٢0503198700011"):
        address = ask(f"/address-fact/{pin}")
        assert (address.status, address.body) == (204, b"")
        family = ask(f"/family-members/{pin}")
        assert family.status == 200
        assert family.json == {
            "code": 405,
            "message": "Семья не найдена",
            "members": [],
        }


@pytest.mark.parametrize("service", SERVICES[2:])
def test_the_other_services_have_one_way(service, asanovs: Family):
    unknown = ask(f"/{service}/{UNKNOWN}")
    assert unknown.status == 404
    assert unknown.json["code"] == "not_found"
    wrong = ask(f"/{service}/12")
    assert wrong.status == 400
    assert wrong.json == {
        "code": "invalid_pin",
        "message": "A PIN has 14 digits and nothing else",
    }


def test_animals_and_land_are_the_household_s(asanovs: Family):
    by, home = begin(asanovs.office), asanovs.household.pk
    history.change(Livestock, (home, 3, "female", ""), {"count": 14}, None, by)
    plot = {"kind": "share", "area_m2": 8500, "irrigated": True}
    history.change(LandPlot, (home, 1), plot, None, by)
    animals = ask(f"/livestock/{AIGUL_PIN}").json
    assert animals["pin"] == AIGUL_PIN
    assert animals["household"] == asanovs.household.public_id
    assert [(one["species"], one["count"]) for one in animals["animals"]] == [(3, 14)]
    (land,) = ask(f"/land/{USEN_PIN}").json["plots"]
    assert (land["areaM2"], land["irrigated"]) == ("8500.00", True)
    card = ask(f"/household-card/{USEN_PIN}").json
    assert card["plots"] == [land]
    assert card["members"][0] == {
        "pin": USEN_PIN,
        "name": "Асанов Үсөн",
        "role": "Глава семьи",
        "sex": "male",
        "birthDate": "1987-03-05",
        "isHead": True,
        "isAway": False,
    }
    assert card["address"]["house"] == "17"


@pytest.mark.parametrize("kind", [ProtectionKind.ADDRESS, ProtectionKind.WITNESS])
def test_a_protected_person_is_answered_like_nobody(kind, asanovs: Family):
    protect(asanovs.usen, kind)
    for service in SERVICES:
        hidden = ask(f"/{service}/{USEN_PIN}")
        unknown = ask(f"/{service}/{UNKNOWN}")
        assert (hidden.status, hidden.body) == (unknown.status, unknown.body)


def test_of_a_protected_member_there_is_a_row_without_a_name(asanovs: Family):
    protect(asanovs.usen, ProtectionKind.ADDRESS)
    members = ask(f"/family-members/{AIGUL_PIN}").json["members"]
    assert {"name": "", "role": ""} in members
    card = ask(f"/household-card/{AIGUL_PIN}")
    assert "Үсөн" not in card.body.decode()
    assert USEN_PIN not in card.body.decode()


def test_an_adopted_child_of_hidden_adoption_is_a_daughter(asanovs: Family):
    protect(asanovs.meerim, ProtectionKind.ADOPTION)
    members = ask(f"/family-members/{USEN_PIN}").json["members"]
    assert {"name": "Асанова Мээрим", "role": "Дочь"} in members


def test_a_dead_member_is_no_member(asanovs: Family):
    facts = {"death_date": date(2026, 1, 5)}
    by = begin(asanovs.office)
    history.change(asanovs.burul.facts.model, (asanovs.burul.pk,), facts, None, by)
    names = [m["name"] for m in ask(f"/family-members/{USEN_PIN}").json["members"]]
    assert "Асанова Бурул" not in names


def test_who_asked_for_whom_and_why_is_in_the_audit_log(asanovs: Family):
    ask(
        f"/family-members/{USEN_PIN}",
        UserId="нотариус 7",
        Represented_Party="COM/60000002",
        Issue="наследство 12/26",
    )
    entry = Entry.objects.get()
    assert entry.action == "service family-members"
    assert entry.outcome == "done"
    assert entry.details == {
        "client": BANK,
        "user": "нотариус 7",
        "represented": "COM/60000002",
        "purpose": "наследство 12/26",
        "message": "q-1",
    }
    assert len(entry.subject) == 40
    assert USEN_PIN not in str(entry.__dict__)


def test_calls_that_got_nothing_are_in_it_too(asanovs: Family):
    ask(f"/family-members/{UNKNOWN}")
    ask("/household-card/12")
    ask(f"/land/{USEN_PIN}", Client="")
    ask(f"/land/{USEN_PIN}", peer="10.0.0.7")
    told = [
        (entry.action, entry.outcome, entry.details["reason"])
        for entry in Entry.objects.order_by("pk")
    ]
    assert told == [
        ("service family-members", "done", "nothing that may be told"),
        ("service household-card", "refused", "not a PIN"),
        ("service call", "refused", "The request has no X-Road headers"),
        (
            "service call",
            "refused",
            "The connection is from 10.0.0.7, not from this machine",
        ),
    ]


def test_without_the_headers_nothing_is_answered(asanovs: Family):
    for service in SERVICES:
        answer = ask(f"/{service}/{USEN_PIN}", Client="")
        assert answer.status == 403
        assert answer.json["code"] == "no_xroad_headers"


def test_a_purpose_is_kept_short_and_printable(asanovs: Family):
    ask(f"/land/{USEN_PIN}", Issue="x\x00\x1b" + "y" * 2000)
    purpose = Entry.objects.get().details["purpose"]
    assert purpose == ("x" + "y" * 299)


def test_an_unknown_path_is_no_service(asanovs: Family):
    answer = ask("/tax-debts")
    assert answer.status == 404
    assert answer.json["code"] == "unknown_path"


@pytest.mark.parametrize(
    ("service", "most"), [("family-members", 8), ("address-fact", 9)]
)
def test_a_large_family_takes_no_more_statements(service, most, asanovs: Family):
    book = Book(asanovs.office)
    for number in range(20):
        name = f"Асанов Бала{number}"
        book.person(asanovs.household, name, "child", date(2012, 1, 1))
    ask(f"/{service}/{USEN_PIN}")
    with CaptureQueriesContext(
        connection,
    ) as counted:
        ask(f"/{service}/{USEN_PIN}")
    assert len(counted) <= most, [q["sql"] for q in counted]
