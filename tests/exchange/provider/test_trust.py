"""Which connections are believed to be one's own Security Server's."""

import pytest

from kerege.exchange.provider import (
    Connection,
    LoopbackListener,
    MutualTLS,
    NotBelievedError,
)
from kerege.exchange.provider.trust import (
    MAX_CERTIFICATE_CHARACTERS,
    certificates_of,
    is_loopback,
)
from tests.exchange.client.certificates import self_signed

HERE = Connection("127.0.0.1", "127.0.0.1", 8001)


@pytest.mark.parametrize(
    "connection",
    [
        HERE,
        Connection("127.0.0.12", "", 8001),
        Connection("::1", "::1", 8001),
        Connection("::ffff:127.0.0.1", "::ffff:127.0.0.1", 8001),
    ],
)
def test_who_is_on_this_machine_is_believed(connection):
    LoopbackListener().judge(connection)
    LoopbackListener(port=8001).judge(connection)


@pytest.mark.parametrize(
    ("connection", "why"),
    [
        (Connection("192.0.2.7", "127.0.0.1", 8001), "is from 192.0.2.7, not from"),
        (Connection("", "127.0.0.1", 8001), "is from an unknown address"),
        (Connection("localhost", "127.0.0.1", 8001), "is from localhost"),
        (Connection("127.0.0.1.evil.example", "", 8001), "is from 127.0.0.1.evil"),
        (Connection("::ffff:192.0.2.7", "", 8001), "not from this machine"),
        (Connection("127.0.0.1", "192.0.2.1", 8001), "reached at 192.0.2.1"),
        (Connection("127.0.0.1", "0.0.0.0", 8001), "reached at 0.0.0.0"),  # noqa: S104
        (Connection("127.0.0.1", "127.0.0.1", 8000), "at port 8000"),
        (Connection("127.0.0.1", "127.0.0.1", None), "at port None"),
    ],
)
def test_who_is_not_is_refused(connection, why):
    with pytest.raises(NotBelievedError, match=why) as caught:
        LoopbackListener(port=8001).judge(connection)
    assert caught.value.advice


@pytest.mark.parametrize("name", ["forwarded", "x-forwarded-for", "x-real-ip"])
def test_what_a_proxy_passed_on_is_refused_unless_that_is_said_to_be_harmless(name):
    passed_on = Connection("127.0.0.1", "127.0.0.1", 8001, headers=frozenset((name,)))
    with pytest.raises(NotBelievedError, match=f"header {name}"):
        LoopbackListener(port=8001).judge(passed_on)
    LoopbackListener(port=8001, accept_forwarded=True).judge(passed_on)


def test_the_certificate_of_the_own_security_server_is_believed_and_no_other(tmp_path):
    for name in ("internal", "new", "other"):
        self_signed(tmp_path, name)

    def shown(name: str) -> Connection:
        pem = (tmp_path / f"{name}.crt").read_text()
        return Connection("192.0.2.7", certificate=certificates_of(pem)[0])

    trust = MutualTLS([tmp_path / "internal.crt", tmp_path / "new.crt"])
    trust.judge(shown("internal"))
    trust.judge(shown("new"))
    with pytest.raises(NotBelievedError, match="is not that of the service's own"):
        trust.judge(shown("other"))
    with pytest.raises(NotBelievedError, match="shows no TLS certificate"):
        trust.judge(HERE)


def test_files_without_certificates_are_refused_at_the_start(tmp_path):
    (tmp_path / "empty.crt").write_text("")
    with pytest.raises(ValueError, match="BEGIN CERTIFICATE"):
        MutualTLS([tmp_path / "empty.crt"])
    with pytest.raises(FileNotFoundError):
        MutualTLS([tmp_path / "none.crt"])
    with pytest.raises(ValueError, match="Name the certificate"):
        MutualTLS([])


def test_a_pem_value_is_bounded_and_may_be_nonsense():
    assert certificates_of("x" * (MAX_CERTIFICATE_CHARACTERS + 1)) == ()
    nonsense = "-----BEGIN CERTIFICATE-----\nA\n-----END CERTIFICATE-----"
    assert certificates_of(nonsense) == ()


def test_names_are_no_loopback_addresses():
    assert not is_loopback("localhost")
    assert is_loopback("::1%lo")
