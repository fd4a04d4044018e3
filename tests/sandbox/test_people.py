"""The demo's register: invented people in the shapes of the real service."""

import re

from kerege.sandbox.people import register

PIN = re.compile(r"[012][0-3][0-9][01][0-9][12][0-9]{3}[0-9]{5}")
ADDRESS_FIELDS = [
    "pin",
    "liveInHouseholdFrom",
    "state",
    "stateId",
    "region",
    "regionId",
    "district",
    "districtId",
    "city",
    "cityId",
    "street",
    "streetId",
    "house",
    "flat",
]


def test_pins_look_as_the_national_pattern_wants():
    people = register().people
    assert len(people) > 40
    assert all(PIN.fullmatch(pin) for pin in people)


def test_an_address_has_the_fields_that_clients_read():
    pin = next(iter(register().people))
    fact = register().address_fact(pin)
    assert list(fact) == ADDRESS_FIELDS
    assert fact["districtId"].startswith(fact["regionId"][:5])
    assert fact["cityId"].startswith(fact["districtId"][:8])


def test_nobody_is_none_and_no_family_is_405():
    assert register().address_fact("20101190000000") is None
    assert register().family_members("20101190000000")["code"] == 405


def test_a_family_has_a_head_and_everybody_sees_the_same_one():
    family = register().households[0]
    answers = [register().family_members(person.pin) for person in family]
    assert all(answer == answers[0] for answer in answers)
    assert answers[0]["members"][0]["role"] == "Глава семьи"


def test_the_register_is_the_same_at_every_start():
    assert register() == register.__wrapped__()
