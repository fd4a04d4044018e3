"""The pytest plugin, used as its users use it: in a project of their own."""

import os
import select
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from kerege.exchange.client import ProviderServerFault
from kerege.sandbox.ports import NoPortsError
from kerege.sandbox.testing.applications import is_asgi, serving
from kerege.sandbox.testing.exchange import Exchange, ExchangeError
from kerege.sandbox.testing.plan import Plan
from kerege.sandbox.testing_host.sockets import _bound

SECONDS = 300
"""Much more than anything here takes, on a machine that does much else."""
DISTRIBUTION = "kerege_as_installed-0.0.1.dist-info"


@pytest.fixture
def project(tmp_path: Path):
    """Runs pytest on a project that has Kerege installed, and gives its output."""
    installed = tmp_path / "site" / DISTRIBUTION
    installed.mkdir(parents=True)
    (installed / "METADATA").write_text("Name: kerege-as-installed\nVersion: 0.0.1\n")
    (installed / "entry_points.txt").write_text(
        "[pytest11]\nkerege.sandbox.testing = kerege.sandbox.testing\n"
    )
    folder = tmp_path / "project"
    folder.mkdir()

    def run(*options: str, **files: str) -> str:
        for name, text in files.items():
            (folder / f"{name}.py").write_text(text)
        paths = [str(tmp_path / "site"), *filter(None, sys.path)]
        theirs = os.environ | {"PYTHONPATH": os.pathsep.join(paths)}
        theirs.pop("DJANGO_SETTINGS_MODULE", None)  # ours, for the portal's tests
        done = subprocess.run(
            [sys.executable, "-m", "pytest", "-q", *options],
            cwd=folder,
            env=theirs,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=SECONDS,
            check=False,
        )
        return done.stdout

    return run


@pytest.mark.slow
def test_a_project_tests_its_service_and_its_client_against_a_whole_exchange(project):
    output = project(
        "-W",
        "error",
        "-o",
        "asyncio_default_fixture_loop_scope=function",
        conftest="""
import pytest
from kerege.sandbox.testing import Plan

@pytest.fixture(scope="session")
def xroad_plan():
    return Plan(
        consumer="central-server/GOV/70000001/portal",
        provider="central-server/GOV/70000050/sanaripaymak-service",
    )
""",
        test_service="""
import pytest
from kerege.exchange.client import ProviderServerFault

def address(environ, start_response):
    start_response("200 OK", [("Content-Type", "text/plain")])
    told = environ["HTTP_X_ROAD_CLIENT"] + " " + environ["PATH_INFO"]
    return [told.encode()]

@pytest.fixture(scope="module")
def service(xroad_exchange):
    return xroad_exchange.offer("address", address)

def test_the_service_learns_who_asks(xroad_client, service):
    answer = xroad_client.get(service, ("7",))
    assert answer.text == "central-server/GOV/70000001/portal /7"
    assert answer.request_hash

def test_a_right_that_was_taken_back_is_missed(xroad_exchange, xroad_client, service):
    xroad_exchange.deny("address")
    with pytest.raises(ProviderServerFault, match="access_denied"):
        xroad_client.get(service)
    xroad_exchange.allow("address")
    assert xroad_client.get(service).status == 200
""",
        test_asynchronous="""
import pytest

async def application(scope, receive, send):
    assert scope["type"] == "http"
    headers = dict(scope["headers"])
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": headers[b"x-road-userid"]})

@pytest.mark.asyncio
async def test_asgi_and_an_asynchronous_client(xroad_exchange):
    service = xroad_exchange.offer("who", application)
    async with xroad_exchange.async_client(user_id="KG1") as xroad:
        answer = await xroad.get(service)
    assert answer.text == "KG1"
""",
    )
    assert "3 passed" in output, output


@pytest.mark.slow
def test_runs_without_the_fixtures_import_nothing_and_know_them(project):
    output = project(
        "--fixtures",
        "-v",
        test_small="def test_nothing(): pass\n",
    )
    assert "xroad_exchange [session scope]" in output
    output = project(
        test_small="""
import sys

def test_nothing_was_imported():
    kerege = {name for name in sys.modules if name.startswith("kerege")}
    assert kerege == {
        "kerege", "kerege.sandbox", "kerege.sandbox.testing",
        "kerege.sandbox.testing.plan",
    }
    assert not {"aiohttp", "sqlalchemy", "cryptography"} & set(sys.modules)
""",
    )
    assert "1 passed" in output, output


@pytest.mark.slow
def test_a_project_that_names_the_plugin_itself_has_it_once(project):
    output = project(
        "-p",
        "kerege.sandbox.testing",
        conftest='pytest_plugins = ["kerege.sandbox.testing"]\n',
        test_small="def test_plan(xroad_plan): assert xroad_plan.keys == 'EC-P256'\n",
    )
    assert "1 passed" in output, output


def greeting(environ, start_response):
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [b"salam"]


@pytest.mark.slow
def test_two_exchanges_run_side_by_side_also_with_rsa_keys():
    with Exchange() as one, Exchange(Plan(keys="RSA-2048")) as other:
        assert one.consumer_url != other.consumer_url
        for exchange in (one, other):
            service = exchange.offer("greeting", greeting)
            with exchange.client() as xroad:
                assert xroad.get(service).content == b"salam"


@pytest.mark.slow
def test_a_service_without_a_right_and_one_that_is_there_already_are_refused():
    with Exchange() as exchange, exchange.client() as xroad:
        service = exchange.offer("closed", "http://127.0.0.1:1", allowed=False)
        with pytest.raises(ProviderServerFault, match="access_denied"):
            xroad.get(service)
        with pytest.raises(ExchangeError, match="already exists"):
            exchange.offer("closed", "http://127.0.0.1:1")
        with pytest.raises(TypeError, match="int is no WSGI or ASGI application"):
            exchange.offer("number", 7)
        assert "access_denied" in exchange.log
    assert not exchange.log, "its files are gone"
    with pytest.raises(ExchangeError, match="has not been started"):
        exchange.deny("closed")


def test_an_exchange_that_does_not_start_shows_why():
    broken = Plan(environment={"PYTHONHASHSEED": "wrong"})
    with pytest.raises(ExchangeError, match="PYTHONHASHSEED must be"), Exchange(broken):
        pytest.fail("it started")


def test_a_machine_without_the_addresses_is_told_so():
    with pytest.raises(NoPortsError, match=r"no address 192\.0\.2\.1: sandboxes need"):
        _bound("192.0.2.1")


OWNER = """
import os
from kerege.sandbox.testing.exchange import Exchange
exchange = Exchange()
exchange.start()
print(exchange._process.pid, exchange._log.parent, flush=True)
input()
"""


@pytest.mark.slow
def test_the_exchange_ends_with_whoever_started_it_even_when_that_is_killed():
    with subprocess.Popen(
        [sys.executable, "-c", OWNER],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env=os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
    ) as owner:
        process, folder = owner.stdout.readline().decode().split()
        exchange = os.pidfd_open(int(process))
        owner.send_signal(signal.SIGKILL)
        assert select.select((exchange,), (), (), SECONDS)[0], "it is left behind"
        os.close(exchange)
    assert not Path(folder).exists()


@pytest.mark.parametrize(
    ("options", "why"),
    [
        ({"consumer": "A/B/C"}, "INSTANCE/CLASS/MEMBER/SUBSYSTEM"),
        ({"consumer": "A/B//D"}, "INSTANCE/CLASS/MEMBER/SUBSYSTEM"),
        ({"consumer": "OTHER/GOV/1/a"}, "of one instance"),
        ({"consumer": "TEST/GOV/10000002/other"}, "of two members"),
        ({"keys": "DSA"}, "EC-P256 or RSA-2048"),
    ],
)
def test_a_plan_that_cannot_be_is_refused_at_once(options, why):
    with pytest.raises(ValueError, match=why):
        Plan(**options)


def test_asgi_is_told_from_wsgi():
    async def function(scope, receive, send): ...

    class Application:
        async def __call__(self, scope, receive, send): ...

    assert is_asgi(function)
    assert is_asgi(Application())
    assert not is_asgi(greeting)
    assert not is_asgi(Application)


def test_without_uvicorn_an_asgi_application_is_refused_with_advice(monkeypatch):
    async def application(scope, receive, send): ...

    monkeypatch.setitem(sys.modules, "uvicorn", None)
    with pytest.raises(RuntimeError, match="pip install uvicorn"), serving(application):
        pytest.fail("it is served")


def test_an_asgi_application_that_does_not_start_is_said_to():
    async def application(scope, receive, send):
        await receive()
        await send({"type": "lifespan.startup.failed", "message": "no database"})

    with pytest.raises(RuntimeError, match="did not start"), serving(application):
        pytest.fail("it is served")
