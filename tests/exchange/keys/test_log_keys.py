"""Keys of the message log: in the token, opened by its PIN, never lost or shown."""

import json
from pathlib import Path

import pytest

from kerege.exchange.keys import KdfCost, SoftwareToken
from kerege.exchange.keys.log_keys import MAX_LOG_KEYS, with_log_key
from kerege.exchange.keys.metadata import TokenMetadata
from kerege.xroad.faults import XRoadError

PIN = "Secret-pin-1"


@pytest.fixture
def token(tmp_path: Path) -> SoftwareToken:
    made = SoftwareToken.create(tmp_path / "token", PIN, cost=KdfCost(2, 8, 1))
    made.login(PIN)
    return made


def opens(path: Path, pin: str = PIN) -> SoftwareToken:
    again = SoftwareToken.open(path)
    again.login(pin)
    return again


def test_a_new_pin_opens_the_same_keys(token: SoftwareToken, tmp_path: Path):
    cipher = token.log_cipher()
    assert cipher is not None
    seal, sealed = cipher.seal(b"about", [b"message"])
    token.change_pin(PIN, "Another-pin-2")
    token.add_log_key()

    later = opens(tmp_path / "token", "Another-pin-2").log_cipher()
    assert later is not None
    assert later.open(seal, b"about", sealed) == [b"message"]
    assert later.key_id != cipher.key_id


def test_logged_out_there_is_no_cipher(token: SoftwareToken):
    token.logout()
    for use in (token.log_cipher, token.add_log_key):
        with pytest.raises(XRoadError) as caught:
            use()
        assert caught.value.code == "token_not_active"


def test_an_older_token_gets_its_first_key_and_only_one(tmp_path: Path):
    path = tmp_path / "token"
    SoftwareToken.create(path, PIN, cost=KdfCost(2, 8, 1))
    document = json.loads((path / "token.json").read_bytes())
    del document["log_keys"]
    document["format"] = 1
    (path / "token.json").write_text(json.dumps(document))

    first, second = opens(path), opens(path)
    assert first.log_cipher() is None
    for worker in (first, second):
        worker.add_log_key(only_first=True)
    assert len(second.metadata.log_keys) == 1
    assert json.loads((path / "token.json").read_bytes())["format"] == 2
    ciphers = [worker.log_cipher() for worker in (opens(path), second)]
    assert len({cipher.key_id for cipher in ciphers if cipher}) == 1


def test_a_key_that_was_changed_or_put_in_anothers_place_is_refused(
    token: SoftwareToken, tmp_path: Path
):
    token.add_log_key()
    path = tmp_path / "token" / "token.json"
    whole = json.loads(path.read_bytes())
    swapped = json.loads(json.dumps(whole))
    one, other = swapped["log_keys"]
    one["sealed"], other["sealed"] = other["sealed"], one["sealed"]
    cut = json.loads(json.dumps(whole))
    cut["log_keys"][0]["sealed"] = "00"
    for wrong in (swapped, cut):
        path.write_text(json.dumps(wrong))
        damaged = SoftwareToken.open(tmp_path / "token")
        damaged.login(PIN)
        with pytest.raises(XRoadError) as caught:
            damaged.log_cipher()
        assert caught.value.code == "malformed_key_conf"
        assert "backup" in caught.value.advice


def test_the_keys_are_not_in_the_file_in_clear(token: SoftwareToken, tmp_path: Path):
    passphrase = token._require_active()
    (record,) = token.metadata.log_keys
    key = record.open(passphrase)
    for path in (tmp_path / "token").iterdir():
        assert key.secret not in path.read_bytes()
        assert key.secret.hex().encode() not in path.read_bytes()


def test_the_number_of_keys_is_bounded(token: SoftwareToken):
    many = token.metadata.log_keys * MAX_LOG_KEYS
    with pytest.raises(XRoadError) as caught:
        with_log_key(many, b"x", token._clock())
    assert caught.value.code == "action_not_possible"
    assert TokenMetadata.from_json(token.metadata.to_json()) == token.metadata
