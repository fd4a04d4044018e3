"""Extension parts of the configuration, which a central server may distribute.

* ``MONITORING`` (``monitoring-params.xml``): who may ask all servers for their state.
* ``FETCHINTERVAL`` (``fetchinterval-params.xml``): how often OCSP is asked.
* ``NEXTUPDATE`` (``nextupdate-params.xml``): whether nextUpdate of OCSP counts.

Source: their schemas, ``GlobalConfExtensions.java``.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from kerege.xroad.globalconf._elements import Fields, read_root
from kerege.xroad.identifier_xml import read_client_id
from kerege.xroad.identifiers import ClientId

MONITORING_FILE = "monitoring-params.xml"
FETCH_INTERVAL_FILE = "fetchinterval-params.xml"
NEXT_UPDATE_FILE = "nextupdate-params.xml"

DEFAULT_OCSP_FETCH_INTERVAL_SECONDS = 1200

_MALFORMED = "malformed_global_conf"


@dataclass(frozen=True, slots=True)
class Extensions:
    """What the extension parts of an instance say, or the defaults."""

    monitoring_client: ClientId | None = None
    """Besides the owner, who may read the environmental monitoring of all servers."""
    ocsp_fetch_interval_seconds: int = DEFAULT_OCSP_FETCH_INTERVAL_SECONDS
    verify_ocsp_next_update: bool = True

    @classmethod
    def from_files(cls, files: Mapping[str, bytes]) -> "Extensions":
        """Read the parts among the files of an instance, by file name.

        Raises as the three readers do.
        """
        monitoring = files.get(MONITORING_FILE)
        interval = files.get(FETCH_INTERVAL_FILE)
        next_update = files.get(NEXT_UPDATE_FILE)
        default = cls()
        return cls(
            read_monitoring_client(monitoring) if monitoring is not None else None,
            read_fetch_interval(interval)
            if interval is not None
            else default.ocsp_fetch_interval_seconds,
            read_verify_next_update(next_update)
            if next_update is not None
            else default.verify_ocsp_next_update,
        )


def read_monitoring_client(data: bytes) -> ClientId | None:
    """Read ``monitoring-params.xml``.

    Raises ``malformed_global_conf`` or ``invalid_client_identifier``.
    """
    outer = _root(data, "Monitoring parameters")
    fields = outer.inside(outer.one("monitoringClient"))
    outer.end()
    element = fields.maybe("monitoringClientId")
    fields.end()
    return None if element is None else read_client_id(element, code=_MALFORMED)


def read_fetch_interval(data: bytes) -> int:
    """Read ``fetchinterval-params.xml``: seconds. Raises ``malformed_global_conf``."""
    fields = _root(data, "OCSP fetch interval parameters")
    seconds = fields.integer("ocspFetchInterval")
    fields.end()
    return seconds


def read_verify_next_update(data: bytes) -> bool:
    """Read ``nextupdate-params.xml``. Raises ``malformed_global_conf``."""
    fields = _root(data, "OCSP nextUpdate parameters")
    verify = fields.boolean("verifyNextUpdate")
    fields.end()
    return verify


def _root(data: bytes, what: str) -> Fields:
    return read_root(data, "conf", code=_MALFORMED, what=what)
