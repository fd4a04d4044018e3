"""Life in Karool: a birth, a death, an arrival, a wedding; and what clerks get wrong."""

import re
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from kerege.apps.aimak import events, history
from kerege.apps.aimak.actions import Document, OutdatedError
from kerege.apps.aimak.events import (
    Arrival,
    Birth,
    Claim,
    Death,
    Departure,
    Divorce,
    HouseholdMerge,
    HouseholdSplit,
    Marriage,
    Move,
    Newcomer,
    NewHead,
    NewHousehold,
    RefusedError,
    Work,
    perform,
    undo_change,
)
from kerege.apps.aimak.events.messages import messages
from kerege.apps.aimak.models import (
    Change,
    Household,
    HouseholdFacts,
    LandPlot,
    Livestock,
    Person,
    PersonFacts,
    Touch,
)
from kerege.apps.aimak.reads import family_members, household_card, person_card
from kerege.apps.aimak.undo import AlreadyUndoneError, LaterChangeError
from kerege.apps.common.audit.models import Entry
from kerege.apps.common.staff.models import Office
from tests.apps.aimak.conftest import USEN_PIN, Family
from tests.apps.aimak.people import NOON, TODAY, Book, begin, make_clerk

pytestmark = pytest.mark.django_db

DAY = date(2026, 2, 20)
PAPER = Document("birth_certificate", "KG-1 123456", DAY, "ЗАГС Ак-Тала")


def work(office: Office, **more: Any) -> Work:
    return Work(None, office, NOON, TODAY, **more)


def bekzat(**more: Any) -> Newcomer:
    values = {
        "surname": "Асанов",
        "given_name": "Бекзат",
        "patronymic": "Үсөнович",
        "sex": "male",
        "birth_date": DAY,
    }
    return Newcomer(**(values | more))


def birth(family: Family, **more: Any) -> Birth:
    values = {
        "on": DAY,
        "document": PAPER,
        "household": family.household,
        "child": bekzat(),
        "mother": family.aigul,
        "father": family.usen,
    }
    return Birth(**(values | more))


def names(household: Household, on: date = TODAY) -> list[str]:
    card = household_card(household, on)
    assert card
    return [member.person.given_name for member in card.members]


def relations(household: Household, on: date = TODAY) -> dict[str, str]:
    card = household_card(household, on)
    assert card
    return {m.person.given_name: m.relation for m in card.members}


def refused(event: events.Event, doing: Work) -> list[str]:
    with pytest.raises(RefusedError) as found:
        perform(event, doing)
    return [problem.id for problem in found.value.problems]


def test_bekzat_is_born_into_the_family(asanovs: Family):
    clerk = make_clerk("Жамиля", asanovs.office)
    doing = Work(clerk, asanovs.office, NOON, TODAY)
    by = perform(birth(asanovs), doing)
    assert names(asanovs.household) == ["Үсөн", "Бурул", "Айгүл", "Мээрим", "Бекзат"]
    assert "Бекзат" not in names(asanovs.household, date(2026, 2, 19))
    assert (by.kind, by.event, by.document_number) == ("event", "birth", "KG-1 123456")
    assert (by.actor, by.happened_on) == (clerk, DAY)
    entry = Entry.objects.get()
    assert (entry.action, entry.subject) == ("register birth", by.public_id)
    child = PersonFacts.objects.get(given_name="Бекзат")
    assert child.valid_from == DAY


@pytest.mark.parametrize(
    ("wrong", "problem"),
    [
        ({"on": date(2026, 3, 3)}, "date.future"),
        ({"document": Document()}, "document.missing"),
        ({"child": bekzat(given_name="")}, "given_name.missing"),
        ({"child": bekzat(birth_date=date(2026, 2, 19))}, "birth_date.not_day"),
        ({"child": bekzat(pin="2050319")}, "pin.form"),
        ({"child": bekzat(pin=USEN_PIN)}, "pin.taken"),
        ({"child": bekzat(pin="12002202600001")}, "pin.sex"),
        ({"child": bekzat(patronymic="")}, "patronymic.missing"),
        ({"mother": None}, "mother.missing"),
        ({"relation": ""}, "relation.missing"),
        ({"relation": "daughter"}, "code.unknown"),
        ({"child": bekzat(surname="А" * 101)}, "text.too_long"),
        ({"document": Document("letter", "1")}, "code.unknown"),
    ],
)
def test_slips_of_the_pen_are_told(asanovs: Family, wrong: Any, problem: str):
    assert problem in refused(birth(asanovs, **wrong), work(asanovs.office))
    assert not PersonFacts.objects.filter(given_name="Бекзат").exists()
    assert not Entry.objects.exists()


def test_a_mother_is_a_woman_of_an_age_and_alive(asanovs: Family):
    doing = work(asanovs.office)
    assert refused(birth(asanovs, mother=asanovs.burul), doing) == ["mother.age"]
    assert refused(birth(asanovs, mother=asanovs.meerim), doing) == [
        "mother.unusual_age"
    ]
    assert "mother.is_man" in refused(birth(asanovs, mother=asanovs.usen), doing)
    perform(Death(on=date(2026, 2, 1), document=PAPER, person=asanovs.aigul), doing)
    assert "person.dead" in refused(birth(asanovs), doing)


def test_what_is_odd_is_written_when_the_clerk_has_looked_again(asanovs: Family):
    event = birth(asanovs, mother=None)
    assert refused(event, work(asanovs.office)) == ["mother.missing"]
    perform(event, work(asanovs.office, is_confirmed=True))
    assert "Бекзат" in names(asanovs.household)


def test_what_is_wrong_stays_wrong_when_confirmed(asanovs: Family):
    event = birth(asanovs, on=date(2027, 1, 1))
    found = refused(event, work(asanovs.office, is_confirmed=True))
    assert "date.future" in found


def test_the_head_dies_and_his_wife_follows(asanovs: Family):
    married = {"marital_status": "married"}
    for person in (asanovs.usen, asanovs.aigul):
        by = begin(asanovs.office)
        history.change(PersonFacts, (person.pk,), married, date(2014, 1, 1), by)
    death = Death(on=DAY, document=PAPER, person=asanovs.usen)
    assert refused(death, work(asanovs.office)) == ["head.missing"]
    follows = NewHead(asanovs.aigul, {})
    perform(
        Death(on=DAY, document=PAPER, person=asanovs.usen, new_head=follows),
        work(asanovs.office),
    )
    assert relations(asanovs.household) == {
        "Айгүл": "head",
        "Бурул": "parent_in_law",
        "Мээрим": "ward",
    }
    assert relations(asanovs.household, date(2026, 2, 19))["Үсөн"] == "head"
    widow = person_card(asanovs.aigul, TODAY)
    assert widow
    assert widow.facts["marital_status"] == "widowed"
    again = Death(on=DAY, document=PAPER, person=asanovs.usen)
    assert refused(again, work(asanovs.office)) == ["person.dead"]


def test_a_head_who_does_not_stay_cannot_follow(asanovs: Family):
    follows = NewHead(asanovs.usen, {})
    death = Death(on=DAY, document=PAPER, person=asanovs.usen, new_head=follows)
    assert refused(death, work(asanovs.office)) == ["head.not_member"]


def test_somebody_arrives_from_outside_into_a_new_household(karool: Office):
    arrival = Arrival(
        on=DAY,
        document=PAPER,
        office=karool,
        household=NewHousehold("44", "41704210830020", house="3"),
        relation="head",
        newcomer=bekzat(birth_date=date(1990, 1, 1)),
    )
    perform(arrival, work(karool))
    home = Household.objects.get()
    assert relations(home) == {"Бекзат": "head"}
    assert refused(arrival, work(karool)) == ["number.taken"]


def test_somebody_of_another_office_arrives_with_their_passport(
    asanovs: Family, toluk: Office
):
    home = Book(toluk).household("1")
    plain = {
        "on": DAY,
        "document": PAPER,
        "office": toluk,
        "household": home,
        "relation": "head",
        "person": asanovs.usen,
    }
    doing = work(toluk, is_confirmed=True)
    assert refused(Arrival(**plain), doing) == ["claim.wrong"]
    wrong = Claim(USEN_PIN, date(1987, 3, 6))
    assert refused(Arrival(**plain, claim=wrong), doing) == ["claim.wrong"]
    by = perform(Arrival(**plain, claim=Claim(USEN_PIN, date(1987, 3, 5))), doing)
    asanovs.usen.refresh_from_db()
    assert asanovs.usen.office == toluk
    assert names(home) == ["Үсөн"]
    assert "Үсөн" not in names(asanovs.household)
    told = Touch.objects.filter(household=asanovs.household, change=by)
    assert told.exists(), "Karool's clerk sees in the journal why he left"
    undo_change(by, None, toluk, NOON)
    asanovs.usen.refresh_from_db()
    assert asanovs.usen.office == asanovs.office
    assert "Үсөн" in names(asanovs.household)
    assert names(home) == []


def test_a_family_departs_and_its_household_ends(asanovs: Family):
    everybody = (asanovs.usen, asanovs.aigul, asanovs.meerim, asanovs.burul)
    event = Departure(
        on=DAY,
        document=PAPER,
        household=asanovs.household,
        leaving=everybody,
        reason="to Bishkek",
    )
    perform(event, work(asanovs.office))
    assert household_card(asanovs.household, TODAY) is None
    assert household_card(asanovs.household, date(2026, 2, 19))
    assert family_members(USEN_PIN, TODAY) == ()
    stranger = Departure(
        on=DAY, document=PAPER, household=asanovs.household, leaving=(asanovs.usen,)
    )
    assert "person.not_member" in refused(stranger, work(asanovs.office))


def test_a_wedding_brings_a_daughter_in_law(asanovs: Family):
    other = Book(asanovs.office).household("18")
    adult = date(2000, 1, 1)
    nurlan = Book(asanovs.office).person(
        asanovs.household, "Асанов Нурлан", "child", adult, sex="male"
    )
    Book(asanovs.office).person(other, "Бекова Гүлнара", "head", date(1975, 1, 1))
    jyldyz = Book(asanovs.office).person(
        other, "Бекова Жылдыз", "child", adult, sex="female"
    )
    wedding = Marriage(
        on=DAY,
        document=PAPER,
        first=nurlan,
        second=jyldyz,
        surnames={jyldyz.pk: "Асанова"},
        move=Move(jyldyz, asanovs.household, "child_in_law"),
    )
    perform(wedding, work(asanovs.office))
    card = person_card(jyldyz, TODAY)
    assert card
    assert card.person.surname == "Асанова"
    assert card.facts["marital_status"] == "married"
    assert card.household_public_id == asanovs.household.public_id
    assert names(other) == ["Гүлнара"]
    assert refused(wedding, work(asanovs.office))[:1] == ["couple.married"]
    paper = Document("divorce_certificate", "7", TODAY)
    parting = Divorce(on=TODAY, document=paper, first=nurlan, second=jyldyz)
    perform(parting, work(asanovs.office))
    card = person_card(jyldyz, TODAY)
    assert card
    assert card.facts["marital_status"] == "divorced"


def test_who_cannot_marry(asanovs: Family):
    def wedding(first: Person, second: Person | None) -> Marriage:
        return Marriage(on=DAY, document=PAPER, first=first, second=second)

    doing = work(asanovs.office)
    assert "couple.same" in refused(wedding(asanovs.usen, asanovs.usen), doing)
    assert refused(wedding(asanovs.aigul, asanovs.burul), doing) == ["couple.sex"]
    assert refused(wedding(asanovs.usen, asanovs.meerim), doing) == ["couple.too_young"]
    assert refused(wedding(asanovs.usen, None), doing) == ["couple.one"]


def test_a_household_splits_and_merges_again(asanovs: Family):
    home = asanovs.household
    key = (home.pk, 3, "", "")
    by = begin(asanovs.office)
    history.change(Livestock, key, {"count": 10}, None, by)
    split = HouseholdSplit(
        on=date(2026, 2, 1),
        document=PAPER,
        household=home,
        new=NewHousehold("60", "41704210830020"),
        relations={asanovs.burul.pk: "head", asanovs.meerim.pk: "grandchild"},
    )
    perform(split, work(asanovs.office))
    begun = HouseholdFacts.objects.get(number="60").household
    assert relations(begun) == {"Бурул": "head", "Мээрим": "grandchild"}
    assert names(home) == ["Үсөн", "Айгүл"]
    by = begin(asanovs.office)
    history.change(Livestock, (begun.pk, 3, "", ""), {"count": 4}, None, by)
    history.change(LandPlot, (begun.pk, 1), {"kind": "share"}, None, by)
    merge = HouseholdMerge(
        on=DAY,
        document=PAPER,
        household=begun,
        into=home,
        relations={asanovs.burul.pk: "parent", asanovs.meerim.pk: "ward"},
    )
    done = perform(merge, work(asanovs.office))
    card = household_card(home, TODAY)
    assert card
    assert len(card.members) == 4
    assert [(one.species, one.count) for one in card.livestock] == [(3, 14)]
    assert [one.kind for one in card.land] == ["share"]
    assert household_card(begun, TODAY) is None
    undo_change(done, None, asanovs.office, NOON)
    again = household_card(begun, TODAY)
    assert again
    assert len(again.members) == 2
    assert [one.count for one in again.livestock] == [4]


def test_a_split_needs_somebody_on_both_sides(asanovs: Family):
    everybody = {
        asanovs.usen.pk: "head",
        asanovs.aigul.pk: "spouse",
        asanovs.meerim.pk: "ward",
        asanovs.burul.pk: "parent",
    }
    split = HouseholdSplit(
        on=DAY,
        document=PAPER,
        household=asanovs.household,
        new=NewHousehold("17", "41704210830020"),
        relations=everybody,
    )
    assert refused(split, work(asanovs.office)) == [
        "number.taken",
        "split.nobody_stays",
    ]


def test_a_birth_is_undone_and_undone_once(asanovs: Family):
    by = perform(birth(asanovs), work(asanovs.office))
    undone = undo_change(by, None, asanovs.office, NOON, "twice in the book")
    assert "Бекзат" not in names(asanovs.household)
    assert (undone.kind, undone.undoes, undone.event) == ("undo", by, "birth")
    with pytest.raises(AlreadyUndoneError):
        undo_change(by, None, asanovs.office, NOON)


def test_what_others_have_built_on_is_not_undone(asanovs: Family):
    by = perform(birth(asanovs), work(asanovs.office))
    child = Person.objects.get(facts__given_name="Бекзат")
    perform(
        Departure(
            on=DAY, document=PAPER, household=asanovs.household, leaving=(child,)
        ),
        work(asanovs.office),
    )
    changes = Change.objects.count()
    with pytest.raises(LaterChangeError, match="event departure"):
        undo_change(by, None, asanovs.office, NOON)
    assert Change.objects.count() == changes


def test_two_clerks_on_one_household_the_second_is_told(asanovs: Family):
    jamilya = make_clerk("Жамиля", asanovs.office)
    seen = {asanovs.household.public_id: 1}
    first = birth(asanovs, versions=seen)
    perform(first, Work(jamilya, asanovs.office, NOON, TODAY))
    leaving = Departure(
        on=DAY,
        document=PAPER,
        household=asanovs.household,
        leaving=(asanovs.burul,),
        versions=seen,
    )
    with pytest.raises(OutdatedError, match="Жамиля: birth") as told:
        perform(leaving, work(asanovs.office))
    assert [one.event for one in told.value.since] == ["birth"]
    assert "Бурул" in names(asanovs.household)
    card = household_card(Household.objects.get(), TODAY)
    assert card
    assert card.version == 2
    seen = {card.public_id: card.version}
    perform(
        Departure(
            on=DAY,
            document=PAPER,
            household=asanovs.household,
            leaving=(asanovs.burul,),
            versions=seen,
        ),
        work(asanovs.office),
    )
    assert names(asanovs.household) == ["Үсөн", "Айгүл", "Мээрим", "Бекзат"]


def test_every_text_is_used_and_there_in_three_languages():
    folder = Path(events.__file__).parent
    code = "\n".join(path.read_text() for path in folder.glob("*.py"))
    used = set(re.findall(r'Problem\(\s*"([a-z_.]+)"', code))
    used |= {f"{name}.missing" for name in ("surname", "given_name", "sex")}
    assert used == set(messages())
    for texts in messages().values():
        assert set(texts) == {"en", "ru", "ky"}
        fields = [set(re.findall(r"{(\w+)}", text)) for text in texts.values()]
        assert fields[0] == fields[1] == fields[2]
