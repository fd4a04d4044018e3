"""A token's metadata: written, read back, and never anything but its own fault."""

import json

import pytest
from hypothesis import given, strategies as st

from kerege.exchange.keys import TokenMetadata
from kerege.xroad.faults import XRoadError
from tests.exchange.keys.tokens import (
    add_authentication_key,
    add_signing_key,
    new_token,
)
from tests.trust.authorities import AIMAK


@pytest.fixture(scope="module")
def document(tmp_path_factory) -> bytes:
    token = new_token(tmp_path_factory.mktemp("metadata"))
    add_signing_key(token, AIMAK)
    add_authentication_key(token)
    return token.metadata.to_json()


def test_metadata_is_read_back_as_written(document):
    metadata = TokenMetadata.from_json(document)
    assert metadata.to_json() == document
    assert TokenMetadata.from_json(metadata.to_json()) == metadata


@given(st.binary(max_size=200))
def test_any_bytes_are_refused_with_the_right_code(data):
    with pytest.raises(XRoadError) as refused:
        TokenMetadata.from_json(data)
    assert refused.value.code == "malformed_key_conf"


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=20),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(max_size=10), inner),
    max_leaves=10,
)
PLACES = [
    ("format",),
    ("id",),
    ("label",),
    ("passphrase",),
    ("passphrase", "scrypt"),
    ("passphrase", "salt"),
    ("passphrase", "sealed"),
    ("keys",),
    ("keys", 0),
    ("keys", 0, "id"),
    ("keys", 0, "usage"),
    ("keys", 0, "algorithm"),
    ("keys", 0, "public_key"),
    ("keys", 0, "certificates"),
    ("keys", 0, "certificates", 0),
    ("keys", 0, "certificates", 0, "certificate"),
    ("keys", 0, "certificates", 0, "member"),
    ("keys", 0, "certificates", 0, "status"),
    ("keys", 0, "certificates", 0, "active"),
]


@given(place=st.sampled_from(PLACES), value=JSON)
def test_any_value_in_any_place_is_read_or_refused(document, place, value):
    changed = json.loads(document)
    inner = changed
    for step in place[:-1]:
        inner = inner[step]
    inner[place[-1]] = value
    assert refusal(json.dumps(changed).encode()) in {"", "malformed_key_conf"}


def refusal(data: bytes) -> str:
    try:
        TokenMetadata.from_json(data)
    except XRoadError as error:
        return error.code
    return ""


@pytest.mark.parametrize(
    "cost", [[3, 8, 1], [1, 8, 1], [1 << 40, 8, 1], [1024, 0, 1], [1024, 8, 99]]
)
def test_scrypt_parameters_have_bounds(document, cost):
    changed = json.loads(document)
    changed["passphrase"]["scrypt"] = cost
    with pytest.raises(XRoadError) as refused:
        TokenMetadata.from_json(json.dumps(changed).encode())
    assert refused.value.code == "malformed_key_conf"


def test_a_key_id_cannot_lead_out_of_the_folder(tmp_path):
    token = new_token(tmp_path)
    add_signing_key(token, AIMAK)
    path = tmp_path / "token" / "token.json"
    changed = json.loads(path.read_bytes())
    changed["keys"][0]["id"] = "../../etc/passwd"
    path.write_bytes(json.dumps(changed).encode())
    with pytest.raises(XRoadError) as refused:
        token.reload()
    assert refused.value.code == "malformed_key_conf"
