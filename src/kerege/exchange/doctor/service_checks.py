"""Clients, services and rights: registered, allowed to somebody, answering?"""

import asyncio
from collections import defaultdict
from collections.abc import Iterable, Iterator
from urllib.parse import urlsplit

from kerege.exchange.doctor.asking import NotAnsweredError
from kerege.exchange.doctor.checks import Check
from kerege.exchange.doctor.examination import Examination
from kerege.exchange.doctor.findings import Code, Finding, Severity, good, skipped
from kerege.exchange.doctor.shaking_hands import (
    NoTlsError,
    require_connection,
    shown_certificates,
)
from kerege.exchange.doctor.words import listed
from kerege.exchange.storage.server_configuration import (
    ClientStatus,
    ServerConfiguration,
    Service,
)
from kerege.exchange.tls import service_context
from kerege.xroad.addresses import shown
from kerege.xroad.globalconf import GlobalConf
from kerege.xroad.identifiers import (
    ClientId,
    GlobalGroupId,
    LocalGroupId,
    SecurityServerId,
)
from kerege.xroad.x509 import certificate_der

AT_ONCE = 40
"""Services asked at the same time."""
_PORTS = {"http": 80, "https": 443}

UNREGISTERED = Code(
    "D-CLIENT-REGISTRATION",
    Severity.ERROR,
    "A client of this server is not registered for it in the global configuration.",
    "Other servers refuse its messages, and do not find its services.",
    "Ask the operator of the instance to register it for this server; or remove it "
    "here: kerege security-server client remove",
)
SAVED = Code(
    "D-CLIENT-STATUS",
    Severity.WARNING,
    "A client of this server is not marked as registered here.",
    "This server refuses its messages with `unknown_member`.",
    "When it is registered: kerege security-server client change ID --status registered",
)
NOT_HERE = Code(
    "D-CLIENT-UNKNOWN",
    Severity.WARNING,
    "The global configuration says that this server has a client that it does not have.",
    "Other servers send messages for it here, and they are refused.",
    "Add it (kerege security-server client add), or ask the operator of the instance to "
    "take it out.",
)
NO_RIGHTS = Code(
    "D-SERVICE-RIGHTS",
    Severity.WARNING,
    "Nobody may call a service.",
    "Every call is refused with `access_denied`.",
    "kerege security-server access grant, or disable the service until it is to be used.",
)
NOBODY = Code(
    "D-RIGHT-NOBODY",
    Severity.WARNING,
    "A right is given to somebody who is not in the global configuration.",
    "Nobody has that right; whoever was meant is refused with `access_denied`.",
    "Is the identifier mistyped, or has the member left? kerege security-server access "
    "list shows it, `access revoke` takes it back.",
)
ADDRESS = Code(
    "D-SERVICE-ADDRESS",
    Severity.ERROR,
    "A service has no address, or one that is neither http nor https.",
    "Calls to it fail with `service_malformed_url`.",
    "kerege security-server service change",
)
AWAY = Code(
    "D-SERVICE-UNREACHABLE",
    Severity.ERROR,
    "A service's address does not answer.",
    "Calls to it fail with `network_error`, after everything else has succeeded.",
    "Is the service running? Is its address right (kerege security-server service list), "
    "and does the firewall let this machine there?",
)
CERTIFICATE = Code(
    "D-SERVICE-CERTIFICATE",
    Severity.ERROR,
    "A service whose TLS certificate is to be verified shows one that is not known here.",
    "Calls to it fail with `ssl_authentication_failed`.",
    "If the service has a new certificate: kerege security-server client certificate add",
)


async def look_at_clients(examination: Examination) -> Iterable[Finding]:
    """Compare the clients here with those of the global configuration."""
    rights = await examination.rights.known()
    conf = await examination.configuration.known()
    own = examination.settings.server_id
    if rights is None or conf is None or not conf.server_exists(own):
        return [skipped("one of the two lists is not known")]
    found = [*_clients(rights, conf, own), *_not_here(rights, conf, own)]
    return found or [good(f"{len(rights.clients)} clients are registered")]


async def look_at_rights(examination: Examination) -> Iterable[Finding]:
    """Look for services that nobody may call, and rights that nobody has."""
    rights = await examination.rights.known()
    if rights is None:
        return [skipped("the database cannot be read")]
    conf = await examination.configuration.known()
    found = [*_without_rights(rights), *(_nobody(rights, conf) if conf else ())]
    return found or [good(f"{len(rights.access_rights)} rights")]


async def look_at_services(examination: Examination) -> Iterable[Finding]:
    """See whether the services answer. Nothing is sent to them."""
    rights = await examination.rights.known()
    if rights is None:
        return [skipped("the database cannot be read")]
    by_place: defaultdict[tuple[str, str, int], list[Service]] = defaultdict(list)
    found: list[Finding] = []
    for service in rights.services.values():
        place = _place(service.url)
        if service.disabled_notice is not None:
            continue
        if place is None:
            found.append(
                ADDRESS.at(_name(service), f"It is {shown(service.url)!r:.200}.")
            )
        else:
            by_place[place].append(service)
    gate = asyncio.Semaphore(AT_ONCE)

    async def look(place: tuple[str, str, int]) -> list[Finding]:
        async with gate:
            return await _look(examination, place, by_place[place], rights)

    results = await asyncio.gather(*map(look, by_place))
    found += [finding for result in results for finding in result]
    return found or [good(f"{sum(map(len, by_place.values()))} services answer")]


def _clients(
    rights: ServerConfiguration, conf: GlobalConf, own: SecurityServerId
) -> Iterator[Finding]:
    for client in rights.clients.values():
        is_known = conf.server_has_client(own, client.client_id)
        name = f"client {client.client_id.path}"
        if client.status is not ClientStatus.REGISTERED:
            known = "is" if is_known else "is not"
            said = f"Its status here is '{client.status.value}'; it {known} registered."
            yield SAVED.at(name, said)
        elif not is_known:
            yield UNREGISTERED.at(name, f"It is not registered for {own.short}.")


def _not_here(
    rights: ServerConfiguration, conf: GlobalConf, own: SecurityServerId
) -> Iterator[Finding]:
    for info in conf.members(own.instance):
        is_ours = info.id != own.owner and conf.server_has_client(own, info.id)
        if is_ours and rights.client(info.id) is None:
            yield NOT_HERE.at(
                f"client {info.id.path}", "This server does not serve it."
            )


def _without_rights(rights: ServerConfiguration) -> Iterator[Finding]:
    for service in rights.services.values():
        key = (service.service_id.client_id, service.service_id.service_code)
        grants = rights.grants.get(key)
        if service.disabled_notice is not None:
            continue
        if grants is None or not (grants.direct or grants.by_global_group):
            yield NO_RIGHTS.at(_name(service), "Nobody has a right to it.")


def _nobody(rights: ServerConfiguration, conf: GlobalConf) -> Iterator[Finding]:
    """Yield subjects that are nobody; those of instances unknown here may be."""
    groups = {group for group, _ in conf.global_groups()}
    services: defaultdict[ClientId | GlobalGroupId, set[str]] = defaultdict(set)
    for right in rights.access_rights:
        subject = right.subject
        if isinstance(subject, LocalGroupId) or subject.instance not in conf.instances:
            continue
        is_known = (
            conf.is_member(subject)
            if isinstance(subject, ClientId)
            else subject in groups
        )
        if not is_known:
            services[subject].add(right.service_code)
    for nobody, codes in services.items():
        said = f"Neither a member nor a group: has rights to {listed(sorted(codes))}."
        yield NOBODY.at(nobody.path, said)


async def _look(
    examination: Examination,
    place: tuple[str, str, int],
    services: list[Service],
    rights: ServerConfiguration,
) -> list[Finding]:
    scheme, host, port = place
    seconds = examination.limits.request_seconds
    names = listed([_name(service) for service in services])
    try:
        if scheme == "http":
            await require_connection(host, port, seconds)
            return []
        context = service_context(verify=False)
        shown = await shown_certificates(host, port, seconds, context)
    except NotAnsweredError as error:
        return [AWAY.at(names, f"{host}:{port} does not answer: {error}.")]
    except NoTlsError as error:
        return [AWAY.at(names, f"{host}:{port} does not speak TLS: {error}.")]
    leaf = certificate_der(shown[0]) if shown else b""
    return [
        CERTIFICATE.at(
            _name(service),
            f"{host}:{port} shows a certificate that is not one of "
            f"{service.service_id.client_id.path}.",
        )
        for service in services
        if service.verify_tls and leaf not in _certificates_of(service, rights)
    ]


def _certificates_of(
    service: Service, rights: ServerConfiguration
) -> tuple[bytes, ...]:
    client = rights.client(service.service_id.client_id)
    return client.certificates if client else ()


def _place(url: str) -> tuple[str, str, int] | None:
    try:
        parts = urlsplit(url)
        port = parts.port or _PORTS.get(parts.scheme)
    except ValueError:
        return None
    if parts.scheme not in _PORTS or not parts.hostname or port is None:
        return None
    return parts.scheme, parts.hostname, port


def _name(service: Service) -> str:
    return f"service {service.service_id.path}"


CHECKS = (
    Check("clients", look_at_clients, (UNREGISTERED, SAVED, NOT_HERE)),
    Check("rights", look_at_rights, (NO_RIGHTS, NOBODY)),
    Check("services", look_at_services, (ADDRESS, AWAY, CERTIFICATE)),
)
