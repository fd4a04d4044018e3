"""The descriptions are OpenAPI, are read by our own Security Server, and hold."""

import json

import pytest
import schemathesis

from kerege.apps.aimak.services.description import description, services
from kerege.xroad.metadata import read_openapi
from tests.apps.aimak.conftest import AIGUL_PIN, USEN_PIN, Family
from tests.apps.aimak.services.asker import ask

ALL = (
    "address-fact",
    "family-members",
    "livestock",
    "land",
    "household-card",
    "changes",
)


def test_there_is_one_for_each_service():
    assert services() == ALL


@pytest.mark.parametrize("code", ALL)
def test_a_security_server_reads_it_and_knows_the_endpoints(code):
    content = json.dumps(description(code)).encode()
    url = f"http://127.0.0.1:9001/openapi/{code}"
    found = read_openapi(content, is_json=True, url=url)
    assert found.problems == ()
    assert found.base_url == f"http://127.0.0.1:9001/{code}"
    endpoint = ("GET", "/" if code == "changes" else "/*")
    assert found.endpoints == (endpoint,)


@pytest.mark.parametrize("code", ALL)
def test_it_is_openapi_3_0(code):
    text = json.dumps(description(code))
    assert '"null"' not in text
    schemathesis.openapi.from_dict(description(code)).validate()


@pytest.mark.django_db
@pytest.mark.parametrize("code", ALL)
def test_it_is_served_without_x_road_headers(code):
    answer = ask(f"/openapi/{code}", Client="", Id="")
    assert answer.status == 200
    assert answer.json == description(code)


@pytest.mark.django_db
def test_there_is_none_of_anything_else():
    assert ask("/openapi/other", Client="").status == 404


@pytest.mark.django_db
@pytest.mark.parametrize("code", ALL[:-1])
def test_answers_are_as_described(code, asanovs: Family, units):
    schema = schemathesis.openapi.from_dict(description(code))
    operation = schema["/{pin}"]["GET"]
    for pin in (USEN_PIN, AIGUL_PIN, "20101190000000", "12"):
        answer = ask(f"/{code}/{pin}")
        described = operation.definition.raw["responses"][str(answer.status)]
        if "content" in described:
            _fits(answer.json, described, schema.raw_schema)


def _fits(value, described, whole) -> None:
    """Compare an answer with its schema; every object is closed."""
    schema = described["content"]["application/json"]["schema"]
    _check(value, schema, whole)


def _check(value, schema, whole) -> None:
    if "$ref" in schema:
        name = schema["$ref"].rpartition("/")[2]
        schema = whole["components"]["schemas"][name] | {
            key: item for key, item in schema.items() if key != "$ref"
        }
    if value is None:
        assert schema.get("nullable"), schema
    elif isinstance(value, dict):
        assert set(value) == set(schema["properties"])
        for name, item in value.items():
            _check(item, schema["properties"][name], whole)
    elif isinstance(value, list):
        for item in value:
            _check(item, schema["items"], whole)
    else:
        kinds = {"string": str, "integer": int, "boolean": bool}
        assert type(value) is kinds[schema["type"]]
