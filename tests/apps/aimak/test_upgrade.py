"""A register with people in it goes from one state of its tables to the next."""

from collections.abc import Iterator
from datetime import UTC, datetime

import pytest
from django.core.management import call_command
from django.db import connection
from django.db.migrations.executor import MigrationExecutor

from kerege.apps.aimak.models import Dwelling
from kerege.apps.aimak.reads import household_card
from tests.apps.aimak.people import TODAY

pytestmark = pytest.mark.django_db(transaction=True)

APP = "aimak"
NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)


def migrate(name: str | None) -> MigrationExecutor:
    """Go to a state of the register's tables; None: the newest of everything."""
    executor = MigrationExecutor(connection)
    targets = [(APP, name)] if name else executor.loader.graph.leaf_nodes()
    executor.migrate(targets)
    return MigrationExecutor(connection)


@pytest.fixture
def first_tables() -> Iterator[MigrationExecutor]:
    yield migrate("0001_initial")
    migrate(None)


def test_people_and_their_homes_come_through_an_upgrade(
    first_tables: MigrationExecutor,
):
    old = first_tables.loader.project_state([(APP, "0001_initial")]).apps
    office = old.get_model("staff", "Office").objects.create(code="karool")
    change = old.get_model(APP, "Change").objects.create(
        kind="import", recorded_at=NOON, public_id="first"
    )
    home = old.get_model(APP, "Household").objects.create(office=office, public_id="h")
    person = old.get_model(APP, "Person").objects.create(office=office, public_id="p")
    row = {"change": change, "recorded_at": NOON}
    old.get_model(APP, "HouseholdFacts").objects.create(
        household=home, office=office, number="17", **row
    )
    old.get_model(APP, "PersonFacts").objects.create(
        person=person, surname="Асанов", given_name="Үсөн", **row
    )
    old.get_model(APP, "Membership").objects.create(
        person=person, household=home, relation="head", is_head=True, **row
    )
    old.get_model(APP, "Dwelling").objects.create(
        household=home, line=1, kind="house", rooms=4, **row
    )
    migrate(None)
    dwelling = Dwelling.objects.get()
    assert (dwelling.rooms, dwelling.heating, dwelling.water) == (4, "", "")
    card = household_card(dwelling.household, TODAY)
    assert card
    assert [member.person.full_name for member in card.members] == ["Асанов Үсөн"]
    assert card.dwellings[0].kind == "house"


def test_the_tables_are_those_of_the_models():
    executor = MigrationExecutor(connection)
    assert not executor.migration_plan(executor.loader.graph.leaf_nodes())
    call_command("makemigrations", "aimak", "--check", "--dry-run", verbosity=0)
