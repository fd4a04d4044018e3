"""Whatever goes wrong, the page says what it was and what to do."""

from collections.abc import Iterator

import pytest
from django.db import connection
from django.test import Client, RequestFactory
from django.utils.translation import override

from kerege.portal import errors

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def english() -> Iterator[None]:
    """Another test's page may have left its language in this thread."""
    with override("en"):
        yield


def test_a_page_that_is_not_there_is_told_with_advice(client: Client):
    answer = client.get("/there-is-none/")
    page = answer.content.decode()
    assert answer.status_code == 404
    assert "There is no such page" in page
    assert "it belongs to another office" in page
    assert 'href="#main"' in page  # the whole shell is around it


def test_a_form_without_its_secret_saves_nothing_and_says_why():
    answer = Client(enforce_csrf_checks=True).post("/language/", {"language": "ru"})
    assert answer.status_code == 403
    assert "The form was too old, and nothing was saved" in answer.content.decode()
    assert "django_language" not in answer.cookies


def test_a_refusal_says_whom_to_ask(client: Client):
    request = RequestFactory().get("/")
    answer = errors.forbidden(request, PermissionError())
    assert answer.status_code == 403
    assert "ask the head of your office" in answer.content.decode()


@pytest.mark.parametrize(
    ("view", "status", "told"),
    [
        (errors.server_error, 500, "Something broke on our side"),
        (lambda r: errors.bad_request(r, ValueError()), 400, "did not understand"),
    ],
    ids=["500", "400"],
)
def test_a_broken_site_can_still_say_so_without_its_database(
    view, status: int, told: str
):
    def no_database(*_arguments: object) -> None:
        raise AssertionError("the page asked the database")

    with connection.execute_wrapper(no_database):
        answer = view(RequestFactory().get("/"))
    assert answer.status_code == status
    assert told in answer.content.decode()
