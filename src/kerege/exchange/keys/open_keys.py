"""The private keys of a token that is logged in, and why some of its keys are not open.

A key file that is lost or damaged concerns its own key only: the others go on.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from typing import TypeAlias

from kerege.exchange.keys.algorithms import PrivateKey
from kerege.exchange.keys.folder import TokenFolder
from kerege.exchange.keys.key_files import decrypt_key
from kerege.exchange.keys.metadata import CertificateRecord, KeyRecord, TokenMetadata
from kerege.xroad.faults import XRoadError

Chosen: TypeAlias = tuple[KeyRecord, CertificateRecord]


class OpenKeys:
    """What can be used now."""

    def __init__(self, folder: TokenFolder) -> None:
        """Open nothing yet; the files are in ``folder``."""
        self._folder = folder
        self._keys: dict[str, PrivateKey] = {}
        self._closed: dict[str, XRoadError] = {}

    @property
    def by_id(self) -> Mapping[str, PrivateKey]:
        """The open ones, as they come and go."""
        return self._keys

    @property
    def closed(self) -> Mapping[str, XRoadError]:
        """Why keys could not be opened, by id."""
        return self._closed

    def open(self, records: Iterable[KeyRecord], passphrase: bytes) -> None:
        """Open what is not open yet.

        Raises ``malformed_key_conf``, and ``token_not_available`` if others may read a
        file: somebody must find out who has.
        """
        for record in records:
            if record.key_id not in self._keys:
                try:
                    pem = self._folder.read_key(record.key_id)
                    self._keys[record.key_id] = decrypt_key(pem, passphrase, record)
                    self._closed.pop(record.key_id, None)
                except XRoadError as error:
                    if error.code != "key_not_available":
                        raise
                    self._closed[record.key_id] = error

    def add(self, key_id: str, key: PrivateKey) -> None:
        """Take a key that was just made."""
        self._keys[key_id] = key

    def keep_only(self, key_ids: Iterable[str]) -> None:
        """Forget all others."""
        known = set(key_ids)
        for held in (self._keys, self._closed):
            for key_id in held.keys() - known:
                del held[key_id]

    def require(self, key_id: str) -> PrivateKey:
        """Return a key. Raises ``key_not_available`` and why it is not open."""
        key = self._keys.get(key_id)
        if key is not None:
            return key
        why = self._closed.get(key_id)
        message = why.message if why else f"Key {key_id} of the token is not open"
        advice = why.advice if why else ""
        raise XRoadError("key_not_available", message, advice=advice)

    def choose(
        self, metadata: TokenMetadata, choose: Callable[[TokenMetadata], Chosen]
    ) -> Chosen:
        """Choose among the keys that are open; if none of them will do, among all.

        Raises what ``choose`` raises.
        """
        is_open = tuple(k for k in metadata.keys if k.key_id not in self._closed)
        try:
            return choose(replace(metadata, keys=is_open))
        except XRoadError:
            return choose(metadata)
