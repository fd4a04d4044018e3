"""Keys of running servers are changed while messages pass: none is lost or refused.

Done as an operator does it, by commands. Both servers are processes; the configuration
says of each what `kerege sandbox` registers, and they download it.
"""

import base64
import os
import re
import ssl
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import pytest
from cryptography import x509

from kerege.exchange.keys import CertificateRecord, KeyUsage, SoftwareToken
from kerege.sandbox.builder import Instance
from kerege.sandbox.layout import PORTAL, REGISTER, Ports
from kerege.xroad.x509 import certificate_der, certificate_sha256
from tests.cli.conftest import Kerege
from tests.cli.load import Load
from tests.cli.servers import RunningServer, instance, running

pytestmark = pytest.mark.slow

FIRST_PORTS = Ports().shifted(23_000)
DOWNLOAD_OFTEN = "update_interval_seconds = 1.0\n"
"""Instead of each minute; the section `configuration` is the last of the file."""
DOWNLOADED = re.compile(
    r"^kerege_global_configuration_last_success_timestamp_seconds\{.*\} (.+)$",
    re.MULTILINE,
)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Instance]:
    with instance(tmp_path_factory.mktemp("changing"), FIRST_PORTS) as made_instance:
        yield made_instance


@pytest.fixture(scope="module")
def servers(made: Instance) -> Iterator[tuple[RunningServer, RunningServer]]:
    """The consumer's and the provider's server."""
    with ExitStack() as stack:
        started = []
        for plan in (PORTAL, REGISTER):
            config = made.files.server(plan) / "server.toml"
            config.write_text(config.read_text() + DOWNLOAD_OFTEN)
            started.append(stack.enter_context(running(made, plan)))
        for server in started:
            server.until("ready")
        yield started[0], started[1]


@dataclass
class Operator:
    """Who changes the keys of one server; others have it downloaded, too."""

    kerege: Kerege
    made: Instance
    server: RunningServer
    others: tuple[RunningServer, ...]

    def does(self, *words: object, pin: bool = False) -> str:
        """Run a command of `kerege security-server` for the server."""
        more: tuple[object, ...] = ("--config", self.server.folder / "server.toml")
        if pin:
            descriptor = os.open(self.made.files.pin, os.O_RDONLY)
            more = (*more, "--pin-from", f"fd:{descriptor}")
        result = self.kerege("security-server", *words, *more)
        assert result.exit_code == 0, result.output
        return result.output

    def as_ca(self, *words: object) -> None:
        """Run a command of `kerege sandbox`."""
        result = self.kerege("sandbox", *words, "--folder", self.made.files.root)
        assert result.exit_code == 0, result.output

    def in_use(self, usage: KeyUsage) -> tuple[str, CertificateRecord]:
        """Return the only key of a usage, with its only certificate."""
        keys = SoftwareToken.open(self.server.folder / "token").metadata.keys
        (key,) = [each for each in keys if each.usage is usage]
        return key.key_id, key.certificates[0]

    def make(self, usage: KeyUsage, algorithm: str) -> Path:
        """Make a key and import its certificate, whose file is returned."""
        made = self.does(
            "keys", "generate", usage.value, "--algorithm", algorithm, pin=True
        )
        key = re.findall(r"^Key (\w+) is made", made, re.MULTILINE)[0]
        plan, folder = self.server.plan, self.server.folder
        request, certificate = folder / f"{key}.csr", folder / f"{key}.crt"
        whose = (
            ("--member", plan.member_id.path)
            if usage is KeyUsage.SIGNING
            else ("--host", plan.address)
        )
        self.does("keys", "request", key, *whose, "-o", request, pin=True)
        self.as_ca("certify", request, "-o", certificate)
        self.does("keys", "import", certificate)
        return certificate

    def reloads(self) -> None:
        """Reload, and wait until the workers of before have ended."""
        before = set(self.server.workers)
        self.does("reload")
        self.server.wait_for(
            lambda: not before & set(self.server.workers), "the old workers end"
        )

    def removes(self, key: str, record: CertificateRecord) -> None:
        """Switch a certificate off, reload; delete it with its key, reload."""
        name = certificate_sha256(record.certificate).hex()[:12]
        self.does("keys", "deactivate", name)
        self.reloads()
        self.does("keys", "delete-certificate", name, "--yes")
        self.does("keys", "delete", key, "--yes", pin=True)
        self.reloads()

    def until_known(self, certificate: x509.Certificate, *, listed: bool) -> None:
        """Wait until every server uses a configuration that lists it, or does not."""
        digest = base64.b64encode(certificate_sha256(certificate))
        for server in (self.server, *self.others):
            file = server.folder / "globalconf/central-server/shared-params.xml"
            server.wait_for(
                lambda file=file: (digest in file.read_bytes()) is listed,
                "the configuration",
            )
            # What is on disk is used when the download that brought it has ended.
            then = downloaded(server)
            server.wait_for(
                lambda server=server, then=then: downloaded(server) > then,
                "another download",
            )


def downloaded(server: RunningServer) -> float:
    """When the server last finished a download; 0 if its worker is new."""
    found = DOWNLOADED.search(server.admin("/metrics")[1].decode())
    return float(found[1]) if found else 0.0


def shown(server: RunningServer) -> bytes:
    """The certificate that port 5500 shows."""
    address = (server.plan.address, server.ports.peer)
    pem = ssl.get_server_certificate(address)
    return ssl.PEM_cert_to_DER_cert(pem)


@pytest.fixture
def operators(kerege, made, servers) -> dict[str, Operator]:
    consumer, provider = servers
    return {
        "consumer": Operator(kerege, made, consumer, (provider,)),
        "provider": Operator(kerege, made, provider, (consumer,)),
    }


@pytest.mark.parametrize("algorithm", ["EC-P256", "RSA-2048"])
@pytest.mark.parametrize("whose", ["consumer", "provider"])
def test_signing_keys_change_under_load(operators, servers, whose, algorithm):
    operator = operators[whose]
    with Load(servers[0], clients=3).running() as load:
        old_key, old = operator.in_use(KeyUsage.SIGNING)
        operator.make(KeyUsage.SIGNING, algorithm)
        load.until(load.answers + 20)  # the old one, beside the new one
        operator.reloads()
        load.until(load.answers + 20)
        operator.removes(old_key, old)
        load.until(load.answers + 20)  # no other key is there any more
    assert load.lost == []
    assert operator.in_use(KeyUsage.SIGNING)[0] != old_key


@pytest.mark.parametrize(
    ("whose", "algorithm"),
    [("consumer", "EC-P256"), ("provider", "EC-P256"), ("provider", "RSA-2048")],
)
def test_authentication_keys_change_under_load(operators, servers, whose, algorithm):
    operator = operators[whose]
    with Load(servers[0], clients=3).running() as load:
        old_key, old = operator.in_use(KeyUsage.AUTHENTICATION)
        file = operator.make(KeyUsage.AUTHENTICATION, algorithm)
        new = x509.load_pem_x509_certificate(file.read_bytes())
        operator.reloads()
        assert shown(operator.server) == certificate_der(old.certificate), (
            "nobody would know the new one yet"
        )
        operator.as_ca("register", operator.server.plan.server_id.path, file)
        operator.until_known(new, listed=True)
        operator.does("keys", "mark", certificate_sha256(new).hex()[:12], "registered")
        load.until(load.answers + 20)  # with connections that have the old one
        operator.reloads()
        assert shown(operator.server) == certificate_der(new)
        load.until(load.answers + 20)
        gone = operator.server.folder / "gone.crt"
        gone.write_bytes(certificate_der(old.certificate))
        operator.as_ca("unregister", gone)
        operator.until_known(old.certificate, listed=False)
        load.until(load.answers + 20)
        operator.removes(old_key, old)
        load.until(load.answers + 20)
    assert load.lost == []
    assert operator.in_use(KeyUsage.AUTHENTICATION)[1].certificate == new
