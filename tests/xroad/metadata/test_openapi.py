"""What a service is made of, read from its OpenAPI description."""

import json

import pytest

from kerege.xroad.faults import XRoadError
from kerege.xroad.metadata import (
    _openapi,
    anonymised,
    is_json_description,
    read_openapi,
)

URL = "http://api.internal:8080/docs/openapi.json"


def description(**parts: object) -> bytes:
    whole = {
        "openapi": "3.0.3",
        "info": {"title": "Persons", "version": "1.2"},
        "paths": {"/persons/{pin}": {"get": {"responses": {}}}},
    }
    return json.dumps(whole | parts).encode()


def read(**parts: object):
    return read_openapi(description(**parts), is_json=True, url=URL)


def test_a_description_becomes_endpoints():
    found = read(
        paths={
            "/persons/{pin}/address": {
                "parameters": [],
                "get": {"responses": {}},
                "put": {"responses": {}},
            },
            "/odd/{a}.{b}/x*y": {"delete": {"responses": {}}},
            "x-note": "not a path",
        }
    )
    assert (found.title, found.version, found.openapi_version) == (
        "Persons",
        "1.2",
        "3.0.3",
    )
    assert found.endpoints == (
        ("GET", "/persons/*/address"),
        ("PUT", "/persons/*/address"),
        ("DELETE", "/odd/*/x\\*y"),
    )
    assert found.problems == ()


@pytest.mark.parametrize(
    ("servers", "base"),
    [
        ([], "http://api.internal:8080/"),
        ([{"url": "/v1/"}], "http://api.internal:8080/v1"),
        ([{"url": "v1"}], "http://api.internal:8080/docs/v1"),
        ([{"url": "https://other/v2"}], "https://other/v2"),
        (
            [{"url": "https://{h}/v2", "variables": {"h": {"default": "eu"}}}],
            "https://eu/v2",
        ),
        ([{"url": "https://{h}/v2"}], ""),
        ([{"url": "http://[x"}], ""),
    ],
)
def test_the_first_server_tells_where_the_service_is(servers, base):
    assert read(servers=servers).base_url == base


def test_paths_may_be_kept_elsewhere_in_the_document_and_only_there():
    found = read(
        openapi="3.1.0",
        components={"pathItems": {"a/b": {"get": {"responses": {}}}}},
        paths={
            "/here": {"$ref": "#/components/pathItems/a~1b"},
            "/there": {"$ref": "http://169.254.169.254/x.yaml"},
            "/nowhere": {"$ref": "#/components/other"},
        },
    )
    assert found.endpoints == (("GET", "/here"),)
    assert [p for p in found.problems if "not in this document" in p] == list(
        found.problems
    )
    assert len(found.problems) == 2


def test_what_does_not_fit_is_told():
    found = read(
        info={"version": 1},
        paths={
            "/a/{x}": {"get": {"operationId": "one", "responses": {}}},
            "/a/{y}": {"get": {"operationId": "one", "responses": {}}},
            "/b": {"get": {}},
            "/c": [],
        },
    )
    assert found.problems == (
        "/a/{y} and /a/{x} are the same endpoint",
        "GET /a/{y} and GET /a/{x} share the operationId 'one'",
        "GET /b has no responses",
        "The path /c is not a mapping",
        "info.title is missing, or not text",
        "info.version is missing, or not text",
    )
    assert found.endpoints == (("GET", "/a/*"), ("GET", "/b"))


@pytest.mark.parametrize(
    ("parts", "why"),
    [
        ({"openapi": "2.0"}, "OpenAPI version '2.0' is not supported"),
        ({"openapi": None}, "OpenAPI version 'None' is not supported"),
        ({"openapi": "3.2.0"}, "only 3.0 and 3.1"),
        ({"openapi": "3.01"}, "only 3.0 and 3.1"),
        ({"paths": {"a": {}}}, "does not start with a slash"),
        ({"paths": {"/" + "a" * 255: {}}}, "more than 255 characters"),
    ],
)
def test_what_no_service_can_be_made_of_is_refused(parts, why):
    with pytest.raises(XRoadError, match=why) as caught:
        read(**parts)
    assert caught.value.code == "openapi_file_error"


def test_endpoints_and_bytes_are_bounded(monkeypatch):
    monkeypatch.setattr(_openapi, "MAX_ENDPOINTS", 2)
    paths = {f"/{n}": {"get": {"responses": {}}} for n in range(3)}
    with pytest.raises(XRoadError, match="more than 2 endpoints"):
        read(paths=paths)
    monkeypatch.setattr(_openapi, "MAX_DESCRIPTION_BYTES", 10)
    with pytest.raises(XRoadError, match="larger than 10 bytes"):
        read()


def test_a_list_is_no_description():
    with pytest.raises(XRoadError, match="is not a mapping"):
        read_openapi(b"[]", is_json=True, url=URL)


@pytest.mark.parametrize(
    ("content_type", "name", "is_json"),
    [
        ("application/json; charset=utf-8", "x.yaml", True),
        ("application/vnd.oai.openapi+json", "x", True),
        ("application/yaml", "x.json", False),
        ("application/x-yaml", "x.json", False),
        ("text/plain", "x.json", True),
        ("", "x.json?y=.yaml", True),
        ("", "x", False),
    ],
)
def test_the_content_type_or_else_the_name_says_whether_it_is_json(
    content_type, name, is_json
):
    assert is_json_description(content_type, f"http://a/{name}") is is_json


def test_hosts_go_wherever_servers_are_named():
    servers = [{"url": "http://db.internal/v1"}, {"url": "https://{h}.internal/"}, 7]
    shown = anonymised(
        description(
            servers=servers,
            paths={"/a": {"servers": servers, "get": {"servers": servers}}},
        ),
        is_json=True,
    )
    document = json.loads(shown)
    expected = [{"url": "/v1"}, {"url": "https://{h}.internal/"}, 7]
    assert document["servers"] == expected
    assert document["paths"]["/a"]["servers"] == expected
    assert document["paths"]["/a"]["get"]["servers"] == expected
    assert b"db.internal" not in shown


@pytest.mark.parametrize("version", [None, 3.0, "2.0", ""])
def test_what_is_no_openapi_3_is_not_shown(version):
    """Swagger 2 has its host elsewhere: it would go out whole."""
    swagger = {"swagger": "2.0", "host": "db.internal", "paths": {}}
    if version is not None:
        swagger["openapi"] = version
    with pytest.raises(XRoadError, match="Incompatible openapi version") as caught:
        anonymised(json.dumps(swagger).encode(), is_json=True)
    assert caught.value.code == "internal_error"


def test_an_address_that_is_none_is_refused():
    with pytest.raises(XRoadError, match="Can't parse url string") as caught:
        anonymised(description(servers=[{"url": "http://[x"}]), is_json=True)
    assert caught.value.code == "internal_error"


def test_a_description_may_have_no_paths_at_all():
    found = read(paths=None)
    assert found.endpoints == ()
    assert found.problems == ("It has no paths",)
    assert json.loads(anonymised(description(paths=[]), is_json=True))["paths"] == []


def test_what_is_no_operation_is_told():
    found = read(paths={"/a": {"get": None}, "/b": {"get": {"responses": {}}}})
    assert found.problems == ("GET /a is not a mapping",)
    paths = {"/a": {"get": None}, "/b": []}
    shown = anonymised(description(paths=paths), is_json=True)
    assert json.loads(shown)["paths"] == paths


def test_so_many_problems_are_told_and_no_more():
    paths = {f"/{n}": {"get": {}} for n in range(_openapi.MAX_PROBLEMS + 5)}
    assert len(read(paths=paths).problems) == _openapi.MAX_PROBLEMS


def test_servers_that_are_no_list_of_servers_mean_the_host_itself():
    for servers in ({}, [1], [{"url": 7}], None):
        assert read(servers=servers).base_url == "http://api.internal:8080/"
    broken = [{"url": "/{v}", "variables": {"v": "1"}}]
    assert read(servers=broken).base_url == ""
