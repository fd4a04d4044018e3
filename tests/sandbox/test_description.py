"""The demo's services are what their descriptions say."""

import json

import pytest

from kerege.sandbox.description import ENDPOINTS, openapi_description
from kerege.sandbox.layout import SERVICES
from kerege.sandbox.people import register
from kerege.xroad.metadata import read_openapi


@pytest.mark.parametrize("code", [plan.code for plan in SERVICES])
def test_a_description_is_read_without_a_problem(code):
    content = json.dumps(openapi_description(code)).encode()
    url = f"http://127.0.0.10:9001/openapi/{code}"
    found = read_openapi(content, is_json=True, url=url)
    assert found.problems == ()
    assert found.endpoints == ENDPOINTS
    assert found.base_url == f"http://127.0.0.10:9001/{code}"


def test_every_field_of_an_answer_is_described():
    here = register()
    pin = next(iter(here.people))
    for code, answer in (
        ("address-fact", here.address_fact(pin)),
        ("family-members", here.family_members(pin)),
    ):
        operation = openapi_description(code)["paths"]["/{pin}"]["get"]
        content = operation["responses"]["200"]["content"]
        assert set(answer) == set(content["application/json"]["schema"]["properties"])


def test_there_is_none_of_anything_else():
    with pytest.raises(KeyError):
        openapi_description("other")
