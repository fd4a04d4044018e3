"""The minimum version of other servers."""

import pytest

from kerege.exchange.security_server.peer_port import require_version
from kerege.xroad.faults import XRoadError


@pytest.mark.parametrize(
    ("version", "minimum"),
    [
        ("6.26.3", "6.26.3"),
        ("7.8.0", "7.4.2"),
        ("7.10.0", "7.9.9"),
        ("7.8.1-SNAPSHOT-20260204git3c3cff6", "7.8.0"),
    ],
)
def test_new_enough(version, minimum):
    require_version(version, minimum)


@pytest.mark.parametrize(
    ("version", "minimum"),
    [
        ("6.26.3", "7.1.3"),
        ("7.8.0-SNAPSHOT", "7.8.0"),
        ("unknown", "7.0.0"),
        ("", "7.0.0"),
        ("9" * 4000 + ".1.1", "7.0.0"),
    ],
)
def test_too_old_or_unreadable(version, minimum):
    with pytest.raises(XRoadError) as caught:
        require_version(version, minimum)
    assert caught.value.code == "client_proxy_version_not_supported"
    assert caught.value.message == (
        f"The minimum supported version for client security server is: {minimum} "
    )
