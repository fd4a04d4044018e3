"""Services made of their descriptions, as an operator adds, refreshes and shows them."""

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

REGISTER = "TEST/GOV/1/register"
BANK = "TEST/COM/2/bank"
PERSONS = f"{REGISTER}/persons"

OLD = """
openapi: 3.0.3
info: {title: Persons, version: '1.0'}
servers: [{url: /api/v1}]
paths:
  /persons/{pin}: {get: {responses: {}}}
  /ping: {get: {responses: {}}}
"""
NEW = """
openapi: 3.0.3
info: {title: Persons, version: '1.1'}
paths:
  /persons/{pin}: {get: {responses: {}}, put: {responses: {}}}
"""
WSDL = """<d:definitions name="Old" xmlns:d="http://schemas.xmlsoap.org/wsdl/"
 xmlns:t="t" xmlns:s="http://schemas.xmlsoap.org/wsdl/soap/" targetNamespace="t">
<d:binding name="b" type="t:p"><s:binding transport="http://schemas.xmlsoap.org/soap/http"/>
%s</d:binding><d:portType name="p"/>
<d:service name="s"><d:port binding="t:b"><s:address location="http://127.0.0.1:9/ws"/>
</d:port></d:service></d:definitions>"""


def wsdl_of(*operations: str) -> str:
    found = (
        f'<d:operation name="{name}"><version>{version}</version></d:operation>'
        for name, version in (one.split(".") for one in operations)
    )
    return WSDL % "".join(found)


def done(result) -> str:
    assert result.exit_code == 0, result.output
    return result.output


def failed(result) -> str:
    assert result.exit_code == 1, result.output
    return result.output


@pytest.fixture
def site():
    """A web server whose documents are in ``pages``, by path."""
    pages: dict[str, str] = {}

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            page = pages.get(self.path)
            self.send_response(404 if page is None else 200)
            content = (page or "").encode()
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.pages = pages
    server.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def register(ss):
    """A server with a client."""
    done(ss("client", "add", REGISTER, "--connection", "http"))
    return ss


@pytest.fixture
def persons(register, site):
    """A service that was added by its description."""
    site.pages["/openapi.yaml"] = OLD
    done(register("service", "add", PERSONS, "--openapi", f"{site.url}/openapi.yaml"))
    return register


def described(ss, service: str = PERSONS):
    return json.loads(done(ss("service", "describe", service, "--json")))


def endpoints_of(shown):
    return [(e["method"], e["path"], e["generated"]) for e in shown["endpoints"]]


def test_a_service_is_what_its_description_says(register, site):
    site.pages["/openapi.yaml"] = OLD
    shown = done(
        register("service", "add", PERSONS, "--openapi", f"{site.url}/openapi.yaml")
    )
    assert f"is provided at {site.url}/api/v1, 2 endpoints (Persons 1.0)" in shown
    assert f"access grant {PERSONS} --client ID" in shown
    found = described(register)
    assert (found["type"], found["url"]) == ("OPENAPI3", f"{site.url}/api/v1")
    assert endpoints_of(found) == [
        ("GET", "/persons/*", True),
        ("GET", "/ping", True),
    ]
    (version,) = found["versions"]
    assert (version["format"], version["version"]) == ("OpenAPI 3.0.3", "1.0")


def test_a_given_address_counts_more_than_the_descriptions(register, site):
    site.pages["/openapi.yaml"] = OLD
    where = "http://127.0.0.1:9001/other"
    url = f"{site.url}/openapi.yaml"
    done(register("service", "add", PERSONS, where, "--openapi", url))
    assert described(register)["url"] == where


def test_a_right_to_a_described_endpoint_is_given(persons):
    words = ("--client", BANK, "--endpoint", "GET", "/persons/*")
    done(persons("access", "grant", PERSONS, *words))
    assert [e["rights"] for e in described(persons)["endpoints"]] == [1, 0]
    shown = done(persons("service", "describe", PERSONS))
    assert "GET     /persons/*  description  1" in shown
    assert "OpenAPI 3.0.3  Persons  1.0" in shown


def test_a_new_version_is_taken_over(persons, site):
    done(persons("access", "grant", PERSONS, "--client", BANK))
    words = ("--client", BANK, "--endpoint", "POST", "/mine")
    done(persons("access", "grant", PERSONS, *words))
    assert "Nothing has changed" in done(persons("service", "refresh", PERSONS))
    site.pages["/openapi.yaml"] = NEW
    would = done(persons("service", "refresh", PERSONS, "--dry-run"))
    assert "would be added: PUT /persons/*" in would
    assert "would be removed: GET /ping, 0 right(s)" in would
    assert len(described(persons)["versions"]) == 1
    shown = done(persons("service", "refresh", PERSONS))
    assert "added: PUT /persons/*" in shown
    assert "removed: GET /ping" in shown
    found = described(persons)
    assert endpoints_of(found) == [
        ("GET", "/persons/*", True),
        ("POST", "/mine", False),
        ("PUT", "/persons/*", True),
    ]
    assert [v["version"] for v in found["versions"]] == ["1.0", "1.1"]


def test_rights_are_not_lost_without_a_word(persons, site):
    words = ("--client", BANK, "--endpoint", "GET", "/ping")
    done(persons("access", "grant", PERSONS, *words))
    site.pages["/openapi.yaml"] = NEW
    refused = failed(persons("service", "refresh", PERSONS))
    assert "1 right(s) are on what is not described any more" in refused
    assert "Nothing was changed" in refused
    assert len(described(persons)["endpoints"]) == 2
    done(persons("service", "refresh", PERSONS, "--ignore-warnings"))
    assert [e["path"] for e in described(persons)["endpoints"]] == [
        "/persons/*",
        "/persons/*",
    ]


def test_problems_are_told_and_stop_unless_they_do_not_matter(register, site):
    site.pages["/bad"] = OLD.replace("{get: {responses: {}}}", "{get: {}}")
    words = ("service", "add", PERSONS, "--openapi", f"{site.url}/bad")
    refused = failed(register(*words))
    assert "Warning: GET /ping has no responses" in refused
    assert "give --ignore-warnings" in refused
    assert "is provided" in done(register(*words, "--ignore-warnings"))


@pytest.mark.parametrize(
    ("page", "why"),
    [
        ("swagger: '2.0'", "OpenAPI version 'None' is not supported"),
        ("a: &a [*a]", "alias to 'a', not known"),
        ("{", "is not YAML"),
        (None, "Received HTTP error: 404 - Not Found"),
    ],
)
def test_what_is_no_description_adds_nothing(register, site, page, why):
    if page is not None:
        site.pages["/x"] = page
    refused = failed(register("service", "add", PERSONS, "--openapi", f"{site.url}/x"))
    assert why in refused
    assert "No services" in done(register("service", "list"))


@pytest.mark.parametrize("url", ["file:///etc/passwd", "http://169.254.169.254/x"])
def test_descriptions_come_from_harmless_places_only(register, url):
    refused = failed(register("service", "add", PERSONS, "--openapi", url))
    assert "must be one of http or https" in refused or (
        "may be connected to from here" in refused
    )


def test_a_code_that_servers_answer_themselves_is_refused(register):
    words = ("service", "add", f"{REGISTER}/listMethods", "http://127.0.0.1:1/")
    assert "nobody could call the service" in failed(register(*words))


def test_an_address_or_a_description_is_needed(register):
    result = register("service", "add", PERSONS)
    assert result.exit_code == 2
    assert "Give the service's URL, or --openapi" in result.output


def test_a_service_without_description_cannot_be_refreshed(register):
    done(register("service", "add", PERSONS, "http://127.0.0.1:1/"))
    refused = failed(register("service", "refresh", PERSONS))
    assert "has no description" in refused
    assert "There is no service" in failed(
        register("service", "refresh", f"{REGISTER}/other")
    )


def test_a_wsdl_is_many_services(register, site):
    url = f"{site.url}/?wsdl"
    site.pages["/?wsdl"] = wsdl_of("person.v1", "house.v1", "listMethods.v1")
    shown = done(register("service", "add-wsdl", REGISTER, url))
    assert "TEST:GOV:1:register:person.v1 is provided at http://127.0.0.1:9/ws" in shown
    assert "Left out: listMethods" in shown
    assert "has services of this WSDL already" in failed(
        register("service", "add-wsdl", REGISTER, url)
    )
    person = "TEST:GOV:1:register:person.v1"
    done(register("service", "change", person, "--timeout", "5"))
    site.pages["/?wsdl"] = wsdl_of("person.v1", "person.v2")
    shown = done(register("service", "refresh", person))
    assert "added: TEST:GOV:1:register:person.v2" in shown
    assert "removed: TEST:GOV:1:register:house.v1" in shown
    services = json.loads(done(register("service", "list", "--json")))
    assert [(s["service"], s["timeout_seconds"]) for s in services] == [
        (person, 5),
        ("TEST:GOV:1:register:person.v2", 5),
    ]
    assert described(register, person)["versions"][0]["format"] == "WSDL 1.1"


def test_rights_on_operations_are_not_lost_without_a_word(register, site):
    url = f"{site.url}/?wsdl"
    site.pages["/?wsdl"] = wsdl_of("person.v1", "house.v1")
    done(register("service", "add-wsdl", REGISTER, url))
    done(register("access", "grant", "TEST:GOV:1:register:house.v1", "--client", BANK))
    site.pages["/?wsdl"] = wsdl_of("person.v1")
    person = "TEST:GOV:1:register:person.v1"
    assert "1 right(s)" in failed(register("service", "refresh", person))
    done(register("service", "refresh", person, "--ignore-warnings"))
    assert "house" not in done(register("service", "list"))


def test_services_of_a_wsdl_may_be_elsewhere(register, site):
    site.pages["/?wsdl"] = wsdl_of("person.v1")
    where = "http://127.0.0.1:9002/soap"
    url = f"{site.url}/?wsdl"
    done(register("service", "add-wsdl", REGISTER, url, "--url", where))
    assert described(register, "TEST:GOV:1:register:person.v1")["url"] == where
