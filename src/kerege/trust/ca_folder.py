"""The sandbox CA in a folder: saved whole, loaded whole. NOT FOR PRODUCTION.

The keys are synthetic and lie unencrypted, mode 0600, in a folder of mode 0700, so that
a sandbox starts without anybody typing a PIN. One process holds a folder at a time.
"""

import json
import os
import tempfile
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)

from kerege.trust import NOT_FOR_PRODUCTION
from kerege.trust.authority import Authority, Issued
from kerege.trust.ca import SandboxCA, ServiceKey, utc_now
from kerege.trust.key_kinds import PrivateKey
from kerege.xroad.x509 import certificate_der, load_certificate

README = f"""{NOT_FOR_PRODUCTION}

Synthetic keys and certificates of a sandbox, made by `kerege`. The keys are not
protected by anything but file permissions. Do not trust these certificates outside
the sandbox, do not use these keys for anything else. Deleting the folder is safe: the
sandbox makes a new one.
"""
STATE = "ca.json"
"""What was issued and revoked; the last file that is written."""
_AUTHORITIES = ("root", "intermediate")
_SERVICES = ("root_ocsp", "ocsp", "tsa")


def save_ca(ca: SandboxCA, folder: Path) -> None:
    """Write ``ca`` into ``folder``, which is made if it is not there."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    folder.chmod(0o700)
    _write(folder / "README.txt", README.encode())
    for name in _AUTHORITIES:
        authority: Authority = getattr(ca, name)
        _write_pair(folder, name, authority.certificate, authority.key)
    for name in _SERVICES:
        service: ServiceKey = getattr(ca, name)
        _write_pair(folder, name, service.certificate, service.key)
    save_registers(ca, folder)


def save_registers(ca: SandboxCA, folder: Path) -> None:
    """Write what ``ca`` has issued and revoked; the keys that are there stay."""
    state = {
        "warning": NOT_FOR_PRODUCTION,
        "instance": ca.instance,
        "profile": ca.profile,
        "ocsp_url": ca.ocsp_url,
        "registers": {name: _register(getattr(ca, name)) for name in _AUTHORITIES},
    }
    _write(folder / STATE, json.dumps(state, indent=1).encode())


def take_over_registers(ca: SandboxCA, folder: Path) -> None:
    """Let ``ca`` know what another process has issued and revoked since.

    Raises what `load_ca` raises.
    """
    state = json.loads((folder / STATE).read_bytes())
    for name in _AUTHORITIES:
        authority: Authority = getattr(ca, name)
        authority.register.update(_issued(state["registers"][name]))


def load_ca(folder: Path, *, clock: Callable[[], datetime] = utc_now) -> SandboxCA:
    """Read what `save_ca` wrote.

    Raises:
        FileNotFoundError: there is no sandbox CA in the folder.
        ValueError: a file is damaged.
    """
    state = json.loads((folder / STATE).read_bytes())

    def authority(name: str) -> Authority:
        return Authority(*_read_pair(folder, name), _issued(state["registers"][name]))

    return SandboxCA(
        instance=state["instance"],
        root=authority("root"),
        intermediate=authority("intermediate"),
        root_ocsp=ServiceKey(*_read_pair(folder, "root_ocsp")),
        ocsp=ServiceKey(*_read_pair(folder, "ocsp")),
        tsa=ServiceKey(*_read_pair(folder, "tsa")),
        profile=state["profile"],
        clock=clock,
        ocsp_url=state.get("ocsp_url", ""),
    )


def _register(authority: Authority) -> list[dict[str, str | None]]:
    return [
        {
            "certificate": issued.certificate.public_bytes(Encoding.PEM).decode(),
            "revoked_at": issued.revoked_at.isoformat() if issued.revoked_at else None,
        }
        for issued in authority.register.values()
    ]


def _issued(rows: list[dict[str, str]]) -> dict[int, Issued]:
    register = {}
    for row in rows:
        certificate = _read_pem(row["certificate"].encode())
        revoked = row["revoked_at"]
        revoked_at = datetime.fromisoformat(revoked) if revoked else None
        register[certificate.serial_number] = Issued(certificate, revoked_at)
    return register


def _write_pair(
    folder: Path, name: str, certificate: x509.Certificate, key: PrivateKey
) -> None:
    pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    _write(folder / f"{name}.key.pem", pem)
    _write(folder / f"{name}.pem", certificate.public_bytes(Encoding.PEM))


def _read_pair(folder: Path, name: str) -> tuple[x509.Certificate, PrivateKey]:
    pem = (folder / f"{name}.pem").read_bytes()
    key = load_pem_private_key((folder / f"{name}.key.pem").read_bytes(), None)
    if not isinstance(key, rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey):
        msg = f"{name}.key.pem holds neither an RSA nor an EC key"
        raise ValueError(msg)  # noqa: TRY004 - the file's content is wrong
    return _read_pem(pem), key


def _read_pem(pem: bytes) -> x509.Certificate:
    return load_certificate(certificate_der(x509.load_pem_x509_certificate(pem)))


def _write(path: Path, data: bytes) -> None:
    handle, temporary = tempfile.mkstemp(dir=path.parent)  # made with mode 0600
    with os.fdopen(handle, "wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    Path(temporary).replace(path)
