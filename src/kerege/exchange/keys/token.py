"""A software token: a folder of keys that a PIN opens.

Rules (signer's protocol of the reference; design, "keys never leave the keys room"):

* Created once with a PIN; logged in with it; logged out, it can do nothing that needs
  a private key (``token_not_active``), but shows its metadata.
* A key is for authentication or for signing, never both. A certificate is imported
  only for its own key and only if it may be used so.
* Nothing here is logged; a PIN is never shown; key files are never readable by others.
* Changes are written through at once, under a lock, on the state that is on disk: a
  server and a command may hold the same token.
"""

import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Self

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from kerege.exchange.clock import utc_now
from kerege.exchange.keys.algorithms import (
    KeyAlgorithm,
    PrivateKey,
    algorithm_of,
    generate,
    key_id_of,
    public_key_info,
)
from kerege.exchange.keys.changes import (
    owner_of,
    read_certificate,
    with_certificate,
    with_changed_certificate,
    without_key,
)
from kerege.exchange.keys.folder import TokenFolder
from kerege.exchange.keys.key_files import encrypt_key
from kerege.exchange.keys.log_keys import cipher_of, with_log_key, without_log_key
from kerege.exchange.keys.metadata import (
    CertificateRecord,
    CertificateStatus,
    KeyRecord,
    KeyUsage,
    TokenMetadata,
)
from kerege.exchange.keys.open_keys import OpenKeys
from kerege.exchange.keys.pin import GIVE_PIN, Pin, PinAttempts, PinPolicy
from kerege.exchange.keys.requests import certificate_request
from kerege.exchange.keys.selection import (
    AuthenticationKey,
    authentication_certificate,
    chain_of,
    signing_certificate,
)
from kerege.exchange.keys.signer import SoftwareSigner
from kerege.exchange.keys.wrapping import KdfCost, SealedPassphrase, new_passphrase
from kerege.exchange.messagelog import LogCipher
from kerege.xroad.algorithms import SignatureAlgorithm
from kerege.xroad.faults import XRoadError
from kerege.xroad.identifiers import ClientId

DEFAULT_LABEL = "softToken-0"
"""The reference's name of its software token."""


class SoftwareToken:
    """Keys in a folder. Make one with `create` or `open`; it starts logged out."""

    def __init__(
        self, folder: TokenFolder, *, clock: Callable[[], datetime] = utc_now
    ) -> None:
        self._folder = folder
        self._clock = clock
        self._metadata = folder.read_metadata()
        self._attempts = PinAttempts(clock)
        self._passphrase: bytes | None = None
        self._keys = OpenKeys(folder)

    @classmethod
    def create(
        cls,
        path: Path,
        pin: Pin | str,
        *,
        label: str = DEFAULT_LABEL,
        policy: PinPolicy = PinPolicy.ANY,
        cost: KdfCost | None = None,
        clock: Callable[[], datetime] = utc_now,
    ) -> Self:
        """Make an empty token in a folder.

        Args:
            path: the folder; made with mode 0700 if it is not there.
            pin: opens the token from now on.
            label: for people.
            policy: what the PIN must be.
            cost: of each try to open it; tests take less.
            clock: tells the time.

        Raises:
            XRoadError: ``token_pin_policy_failure``, ``pin_incorrect`` if the PIN is
                empty, ``action_not_possible`` if the folder holds a token already.
        """
        secret = Pin.of(pin)
        policy.require(secret)
        folder = TokenFolder.create(path)
        passphrase = new_passphrase()
        sealed = SealedPassphrase.seal(passphrase, secret, cost or KdfCost())
        keys = with_log_key((), passphrase, clock())
        made = TokenMetadata(str(uuid.uuid4()), label, sealed, log_keys=keys)
        with folder.locked():
            folder.require_empty()  # nobody else has made one in the meantime
            folder.write_metadata(made)
        return cls(folder, clock=clock)

    @classmethod
    def open(cls, path: Path, *, clock: Callable[[], datetime] = utc_now) -> Self:
        """Open the token in a folder, logged out.

        Raises:
            XRoadError: ``token_not_found``, ``malformed_key_conf`` if it is damaged,
                ``token_not_available`` if others may read it.
        """
        return cls(TokenFolder(path), clock=clock)

    @property
    def metadata(self) -> TokenMetadata:
        """The keys and their certificates, as last read or written."""
        return self._metadata

    @property
    def is_active(self) -> bool:
        """Whether the token is logged in."""
        return self._passphrase is not None

    @property
    def closed_keys(self) -> Mapping[str, XRoadError]:
        """Why keys of a token that is logged in could not be opened, by id."""
        return self._keys.closed

    def login(self, pin: Pin | str) -> None:
        """Open the keys. Takes about a third of a second, by intention.

        A key whose file is missing or damaged stays closed (`closed_keys`).

        Raises:
            XRoadError: ``pin_incorrect``; ``login_failed`` while the wait after several
                wrong PINs lasts.
        """
        self._attempts.require_allowed()
        self.reload()
        try:
            passphrase = self._metadata.passphrase.open(Pin.of(pin))
        except XRoadError as error:
            if error.code == "pin_incorrect":
                self._attempts.failed()
            raise
        self._attempts.succeeded()
        self._keys.open(self._metadata.keys, passphrase)
        self._passphrase = passphrase

    def logout(self) -> None:
        """Forget the keys. Signers made before cannot sign any more."""
        self._passphrase = None
        self._keys.keep_only(())

    def reload(self) -> None:
        """Read what another process changed: certificates, keys.

        Raises what `open` raises.
        """
        self._adopt(self._folder.read_metadata())

    def change_pin(
        self, old: Pin | str, new: Pin | str, *, policy: PinPolicy = PinPolicy.ANY
    ) -> None:
        """Make ``new`` the PIN. Atomic: at every moment exactly one of them opens.

        Raises ``pin_incorrect``, ``login_failed``, ``token_pin_policy_failure``.
        """
        secret = Pin.of(new)
        policy.require(secret)
        self._attempts.require_allowed()
        current = Pin.of(old)

        def change(metadata: TokenMetadata) -> TokenMetadata:
            passphrase = metadata.passphrase.open(current)
            sealed = SealedPassphrase.seal(passphrase, secret, metadata.passphrase.cost)
            return replace(metadata, passphrase=sealed)

        try:
            self._change(change)
        except XRoadError as error:
            if error.code == "pin_incorrect":
                self._attempts.failed()
            raise
        self._attempts.succeeded()

    def generate_key(
        self,
        usage: KeyUsage,
        algorithm: KeyAlgorithm = KeyAlgorithm.RSA_2048,
        *,
        label: str = "",
    ) -> KeyRecord:
        """Make a key and keep it. Raises ``token_not_active``."""
        self._require_active()
        return self.import_key(generate(algorithm), usage, label=label)

    def import_key(
        self, key: PrivateKey, usage: KeyUsage, *, label: str = ""
    ) -> KeyRecord:
        """Keep a key that was made elsewhere.

        Raises ``token_not_active``, ``unsupported_algorithm``, ``duplicate_entry``.
        """
        passphrase = self._require_active()
        algorithm = algorithm_of(key)
        info = public_key_info(key.public_key())
        record = KeyRecord(key_id_of(info), label, usage, algorithm, info)
        if any(known.key_id == record.key_id for known in self._metadata.keys):
            raise XRoadError("duplicate_entry", "The token has this key already")
        self._folder.write_key(record.key_id, encrypt_key(key, passphrase))
        self._keys.add(record.key_id, key)
        self._change(lambda metadata: metadata.with_key(record))
        return record

    def delete_key(self, key_id: str) -> None:
        """Remove a key with its certificates, for good.

        Raises ``key_not_found``, ``token_not_active``.
        """
        self._require_active()
        self._change(lambda metadata: without_key(metadata, key_id))
        self._folder.delete_key(key_id)

    def certificate_request(
        self,
        key_id: str,
        subject: x509.Name,
        *,
        hosts: Sequence[str] = (),
        encoding: Encoding = Encoding.PEM,
    ) -> bytes:
        """Return a PKCS#10 request (SHA-256), PEM or DER.

        Raises:
            XRoadError: ``key_not_found``, ``token_not_active``,
                ``failed_to_generate_certificate_request``.
        """
        record = self._metadata.key(key_id)
        key = self._private(key_id)
        return certificate_request(key, record.usage, subject, hosts, encoding)

    def import_certificate(
        self,
        certificate: bytes | x509.Certificate,
        *,
        member: ClientId | None = None,
        status: CertificateStatus | None = None,
    ) -> KeyRecord:
        """Keep a certificate with its key; needs no login.

        Args:
            certificate: a value, DER or PEM.
            member: whose signing certificate it is; the caller reads it from the
                subject by the CA's profile (`kerege.xroad.certificates.member_of`).
            status: by default saved for authentication, which is registered at the
                central server later, and registered for signing.

        Raises:
            XRoadError: ``incorrect_certificate``, ``key_not_found`` if it is for no
                key of this token, ``cert_exists``, ``wrong_cert_usage``,
                ``cannot_get_member_id_from_certificate`` if a signing certificate
                comes without member.
        """
        value = read_certificate(certificate)
        self._change(lambda known: with_certificate(known, value, member, status))
        return owner_of(self._metadata, value)

    def set_certificate(
        self,
        certificate: x509.Certificate,
        *,
        status: CertificateStatus | None = None,
        active: bool | None = None,
    ) -> None:
        """Change a certificate's status, or switch it on or off.

        Raises ``cert_not_found``.
        """

        def change(record: CertificateRecord) -> CertificateRecord:
            return replace(
                record,
                status=record.status if status is None else status,
                active=record.active if active is None else active,
            )

        self._change(lambda known: with_changed_certificate(known, certificate, change))

    def delete_certificate(self, certificate: x509.Certificate) -> None:
        """Remove a certificate; its key stays. Raises ``cert_not_found``."""
        self._change(
            lambda known: with_changed_certificate(known, certificate, lambda _: None)
        )

    def signer(
        self, member: ClientId, *, algorithm: SignatureAlgorithm | None = None
    ) -> SoftwareSigner:
        """Return a signer for a member: its newest certificate that is usable now.

        Args:
            member: a member, or one of its subsystems.
            algorithm: by default SHA-512 with the kind of the key.

        Raises:
            XRoadError: ``unknown_member`` if the token has no certificate of the
                member, ``key_not_available`` if none is active and valid now,
                ``token_not_active``, ``unsupported_sign_algorithm``.
        """
        now = self._clock()
        key, record = self._keys.choose(
            self._metadata, lambda known: signing_certificate(known, member, now)
        )
        self._private(key.key_id)
        return SoftwareSigner(
            record.certificate, key.key_id, self._keys.by_id, algorithm
        )

    def authentication_key(
        self, *, intermediates: Sequence[x509.Certificate] = ()
    ) -> AuthenticationKey:
        """Return the server's authentication key with its chain.

        Args:
            intermediates: CA certificates that may belong into the chain; the root is
                left out, as peers ask for the status of each certificate they get.

        Raises:
            XRoadError: ``key_not_available`` if no certificate is active and valid
                now, ``token_not_active``.
        """
        now = self._clock()
        key, record = self._keys.choose(
            self._metadata, lambda known: authentication_certificate(known, now)
        )
        chain = chain_of(record.certificate, intermediates)
        return AuthenticationKey(self._private(key.key_id), chain)

    def log_cipher(self) -> LogCipher | None:
        """Return what seals the message log; None without a key for it."""
        return cipher_of(self._metadata.log_keys, self._require_active())

    def add_log_key(self, *, only_first: bool = False) -> None:
        """Make a new key for the message log; old ones still open what they sealed.

        With ``only_first``: unless there is one, perhaps just made by another process.
        Raises ``token_not_active``, ``action_not_possible``.
        """
        secret, now = self._require_active(), self._clock()
        make = partial(with_log_key, passphrase=secret, now=now, only_first=only_first)
        self._change(lambda known: replace(known, log_keys=make(known.log_keys)))

    def forget_log_key(self, key_id: str) -> None:
        """Forget an old key of the message log, for good: see `without_log_key`."""
        forget = partial(without_log_key, key_id=key_id)
        self._change(lambda known: replace(known, log_keys=forget(known.log_keys)))

    def _private(self, key_id: str) -> PrivateKey:
        self._require_active()
        return self._keys.require(key_id)

    def _require_active(self) -> bytes:
        if self._passphrase is None:
            raise XRoadError(
                "token_not_active",
                f"Token {self._metadata.label} is not logged in",
                advice=GIVE_PIN,
            )
        return self._passphrase

    def _change(self, change: Callable[[TokenMetadata], TokenMetadata]) -> None:
        with self._folder.locked():
            changed = change(self._folder.read_metadata())
            self._folder.write_metadata(changed)
        self._adopt(changed)

    def _adopt(self, metadata: TokenMetadata) -> None:
        self._metadata = metadata
        if self._passphrase is not None:
            self._keys.open(metadata.keys, self._passphrase)
        self._keys.keep_only(record.key_id for record in metadata.keys)
