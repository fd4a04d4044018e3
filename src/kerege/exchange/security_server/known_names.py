"""Which identifiers of a message may be named in logs, metrics and the live view.

What an application writes where a code should be can be anything: if it forgets the
service code, a personal code that stood behind it is in its place. So only names are
told that somebody else gave:

* A client is named if it is one of this server's or in the global configuration.
* A service is named if it is one of this server's, or if its provider is in the global
  configuration and an answer has come from it: then its server knows it too.
* Of all others as much is named as is known, the provider or its member; ``?`` stands
  for the rest.
* Of a code that another server sent as much is told as X-Road's table knows, and of an
  id nothing but a UUID (`told_code`, `told_id`).

What applications are answered may quote what they sent.
"""

import re
from collections.abc import Callable, Iterator

import structlog

from kerege.exchange.security_server.asked import Asked
from kerege.exchange.storage.server_configuration import ServerConfiguration
from kerege.xroad.faults import RelayedFaultError, XRoadError, known_code
from kerege.xroad.globalconf import GlobalConf
from kerege.xroad.identifiers import (
    ClientId,
    SecurityServerId,
    ServiceId,
    XRoadId,
    encode_segment,
    invalid_codes,
)

_log = structlog.get_logger(__name__)

UNKNOWN = "?"
"""Stands for a code that may be anything."""
NOT_TOLD = (
    "Not told here, for it quotes what was sent; the application got it under this "
    "detail"
)
MAX_REMEMBERED = 1024
"""Names of each kind: those of a busy server."""
MIN_WORD = 3
"""What is shorter stands in texts by chance."""
MAX_CODE = 256
"""What is longer is no code, and not looked at further."""
_UUID = re.compile(
    r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE | re.ASCII
)
_QUOTING_NOTHING = frozenset(
    (
        "bad_request",
        "client_proxy_version_not_supported",
        "global_conf_outdated",
        "invalid_client_identifier",
        "io_error",
        "missing_header_field",
        "missing_rest",
        "missing_signature",
        "network_error",
        "ssl_authentication_failed",
    )
)
"""Last parts of codes of faults that were found before a request could be read and
whose text has nothing of it."""


class KnownNames:
    """Names what is known. Used by one thread; costs a look-up for each identifier."""

    def __init__(
        self,
        configuration: Callable[[], GlobalConf],
        server_configuration: Callable[[], ServerConfiguration],
    ) -> None:
        """Ask these what is known now."""
        self._configuration = configuration
        self._server_configuration = server_configuration
        self._names: dict[XRoadId, str] = {}
        self._passed: set[ServiceId] = set()
        self._known_in: tuple[object, object] = (None, None)

    def client(self, client_id: ClientId) -> str:
        """Return a client's name as far as it is known."""
        configuration, own = self._current()
        name = self._names.get(client_id)
        if name is None:
            if not _is_known(client_id, configuration, own):
                member = _member(client_id, configuration, own)
                return f"SUBSYSTEM:{member}/?" if member else UNKNOWN
            name = self._remember(client_id)
        return name

    def service(self, service_id: ServiceId, *, has_passed: bool = False) -> str:
        """Return a service's name as far as it is known.

        Args:
            service_id: The service.
            has_passed: Whether an answer without fault has just come from it.
        """
        configuration, own = self._current()
        name = self._names.get(service_id)
        if name is None:
            if has_passed:
                self._note_passed(service_id)
            provider = service_id.client_id
            is_provider_known = _is_known(provider, configuration, own)
            if service_id in own.services or (
                is_provider_known and service_id in self._passed
            ):
                return self._remember(service_id)
            if is_provider_known:
                return f"SERVICE:{provider.short}/?"
            member = _member(provider, configuration, own)
            return f"SERVICE:{member}/?/?" if member else UNKNOWN
        return name

    def told(self, text: str, code: str, request: Asked | None) -> str:
        """Return a fault's text for the log: without names that are not known.

        Args:
            text: What the fault says, or advises.
            code: The fault's code.
            request: What was asked, if that could be read.
        """
        if request is None:
            is_safe = code.rpartition(".")[2] in _QUOTING_NOTHING
            return text if is_safe else NOT_TOLD
        service, client = request.service_id, request.client_id
        provider = service.client_id
        names: dict[XRoadId, str] = {
            service: self.service(service),
            client: self.client(client),
            provider: self.client(provider),
        }
        server = request.target_security_server
        if server is not None and not self._is_server(server):
            names[server] = UNKNOWN
        for identifier, name in names.items():
            text = text.replace(str(identifier), name)
        unknown = [one for one, name in names.items() if name != str(one)]
        if any(_quotes(text, word) for word in self._unknown_words(request, unknown)):
            return NOT_TOLD
        return text

    def _unknown_words(self, request: Asked, unknown: list[XRoadId]) -> Iterator[str]:
        """Yield what of a request may be anything."""
        known = self._known_codes(request)
        for identifier in unknown:
            yield from (code for code in identifier.codes if code not in known)
        party = request.represented_party
        yield request.user_id or ""
        yield request.issue or ""
        yield party.party_code if party else ""

    def _known_codes(self, request: Asked) -> set[str]:
        """Return the codes that stand in names: they are nobody's secret."""
        names = (
            self.service(request.service_id),
            self.client(request.client_id),
            self.client(request.service_id.client_id),
        )
        return {code for n in names for code in n.partition(":")[2].split("/")}

    def _is_server(self, server: SecurityServerId) -> bool:
        configuration, _ = self._current()
        return configuration is not None and configuration.server_exists(server)

    def _current(self) -> tuple[GlobalConf | None, ServerConfiguration]:
        own = self._server_configuration()
        configuration: GlobalConf | None
        try:
            configuration = self._configuration()
        except XRoadError:
            configuration = None
        known = self._known_in
        if known[0] is not configuration or known[1] is not own:
            self._names.clear()
            self._known_in = (configuration, own)
        return configuration, own

    def _note_passed(self, service_id: ServiceId) -> None:
        if len(self._passed) >= MAX_REMEMBERED:
            self._passed.clear()
        self._passed.add(service_id)

    def _remember(self, identifier: XRoadId) -> str:
        if len(self._names) >= 2 * MAX_REMEMBERED:
            self._names.clear()
        name = self._names[identifier] = str(identifier)
        return name


def told_code(fault: XRoadError) -> str:
    """Return a fault's code for the log: as far as it is known, if others sent it."""
    code = fault.code[:MAX_CODE]
    if not isinstance(fault, RelayedFaultError) or known_code(code):
        return code
    while code := code.rpartition(".")[0]:
        if known_code(code):
            return f"{code}.{UNKNOWN}"
    return UNKNOWN


def told_id(given: str) -> str:
    """Return an id that others gave, for the log: a UUID, which says nothing."""
    return given if not given or _UUID.fullmatch(given) else UNKNOWN


def warn_of_forbidden_characters(names: KnownNames, request: Asked) -> None:
    """Say so if an application uses codes that X-Road forbids by now."""
    if invalid_codes(request.client_id):
        name = names.client(request.client_id)
        _log.warning("forbidden characters in identifier", id=name)
    if invalid_codes(request.service_id):
        name = names.service(request.service_id)
        _log.warning("forbidden characters in identifier", id=name)


def _is_known(
    client: ClientId, configuration: GlobalConf | None, own: ServerConfiguration
) -> bool:
    return client in own.clients or (
        configuration is not None and configuration.is_member(client)
    )


def _member(
    client: ClientId, configuration: GlobalConf | None, own: ServerConfiguration
) -> str:
    """Return the codes of a client's member; empty if that is not known either."""
    member = client.member
    return member.short if _is_known(member, configuration, own) else ""


def _quotes(text: str, word: str) -> bool:
    """Whether a text has a word, in one of the forms that faults quote in."""
    if len(word) < MIN_WORD:
        return False
    forms = (word, repr(word)[1:-1], encode_segment(word))
    return any(form in text for form in forms)
