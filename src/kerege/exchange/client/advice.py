"""From a fault's code to what a person can do about it.

Codes come in two spellings: ``server.serverproxy.access_denied`` from X-Road 7.8 on,
``Server.ServerProxy.AccessDenied`` before. Both are read; the table has the new one.
"""

from collections.abc import Mapping

from kerege.xroad.faults import KNOWN_CAUSES, legacy_code

MAX_CODE_CHARACTERS = 255
"""A code is a few words; a longer one is cut before it is looked at."""

_ASK_PROVIDER = "Ask the provider's operator, giving the detail of the fault"
_ASK_OWN = (
    "Ask the operator of your own Security Server, giving the detail of the fault"
)
_BETWEEN_SERVERS = (
    "What one Security Server sent to the other broke off or is not understood. Try "
    "again; if it stays: " + _ASK_OWN[0].lower() + _ASK_OWN[1:]
)

GROUPS: Mapping[str, Mapping[str, str]] = {
    "What the application can mend": {
        "invalid_client_identifier": "Name the client as INSTANCE/CLASS/MEMBER/SUBSYSTEM, "
        "percent-encoded",
        "missing_header_field": "Give the header that the message names; an empty one is "
        "not accepted",
        "duplicate_header_field": "Give each X-Road header once",
        "invalid_http_method": "Use GET, POST, PUT, PATCH, DELETE, HEAD or OPTIONS below "
        "/r1/",
        "invalid_content_type": "Set a Content-Type that fits the body",
        "bad_request": "The request is not HTTP as X-Road takes it: look at the path "
        "and the headers",
    },
    "SOAP": {
        "invalid_soap": "For client: the envelope is not SOAP 1.1 as X-Road takes it, "
        "and the message says why. Else the service answered so: "
        + _ASK_PROVIDER[0].lower()
        + _ASK_PROVIDER[1:],
        "missing_header": "Give the envelope a Header with client, service, id and "
        "protocolVersion",
        "missing_body": "Give the envelope a Body with one element",
        "invalid_body": "The Body has one element, no more",
        "inconsistent_headers": "For client: the Body's element must begin with the "
        "service code. Else the service did not repeat the request's header: "
        + _ASK_PROVIDER[0].lower()
        + _ASK_PROVIDER[1:],
        "invalid_protocol_version": "Set protocolVersion to 4.0",
        "invalid_soap_action": "Put SOAPAction into quotes, or leave it empty",
    },
    "Who is who, and who may": {
        "unknown_member": "Check the codes, capital letters included: for the client, "
        "that it is registered at your own server; for the provider, that it is "
        "registered and its server is not removed",
        "invalid_security_server": "Leave out the target server, or name one that serves "
        "the provider",
        "unknown_service": "Check the service code with the provider; where its server has "
        "metadata services, listMethods shows what there is",
        "service_type": "The service is SOAP and was called as REST, or the other way "
        "round",
        "service_disabled": "The provider has switched the service off; the message says "
        "why. Wait, or ask the provider",
        "access_denied": "Ask the provider to grant this client the right to the "
        "service, or to this method and path of it",
        "client_proxy_version_not_supported": "Your own Security Server is too old for "
        "the provider: ask its operator to upgrade it",
        "action_not_possible": "The server that the code names lets this client send so "
        "many messages and no more: wait as long as the message says, and send slower. "
        "If it needs more, ask that server's operator",
        "maintenance_mode": "The provider's server is in maintenance; try again later",
    },
    "The way": {
        "network_error": "Somebody on the way does not answer: for server.clientproxy "
        "the provider's server, for server.serverproxy the service behind it. Try again; "
        "if it stays, ask that side's operator",
        "unknown_host": "A host name on the way is not known: ask the operator of the "
        "side that the code names",
        "mime_parsing_failed": _BETWEEN_SERVERS,
        "invalid_message": "If the message says that something is larger than it may "
        "be: send less at once, or ask the operator of the side that the code names. "
        "Else: " + _BETWEEN_SERVERS,
        "missing_rest": _BETWEEN_SERVERS,
        "missing_soap": _BETWEEN_SERVERS,
        "missing_signature": _BETWEEN_SERVERS,
        "io_error": "The connection broke off on the way; whether the service has done "
        "the work is not known. Ask before sending a change again",
        "http_error": "The server at the other end answered with an HTTP error. "
        + _ASK_PROVIDER,
        "ssl_authentication_failed": "For server.clientproxy: connect to your own "
        "server in the way that is set for the client (HTTPS, with a registered "
        "certificate); or the two servers do not trust each other, and the message says "
        "why. For server.serverproxy: your own server's authentication certificate is "
        "not registered or not valid",
    },
    "Signatures, certificates, configuration": {
        "signature_verification": "The signature of the other side does not hold. "
        + _ASK_PROVIDER,
        "invalid_signature_value": "The signature of the other side does not hold. "
        + _ASK_PROVIDER,
        "malformed_signature": "The signature of the other side cannot be read. "
        + _ASK_PROVIDER,
        "cert_validation": "A certificate of a server is expired, revoked or unknown. "
        + _ASK_OWN,
        "incorrect_certificate": "A certificate of a server cannot be read or is not for "
        "this use. " + _ASK_OWN,
        "unsupported_algorithm": "A server signs with an algorithm that the other one does "
        "not know, or refuses as too weak. " + _ASK_OWN,
        "incorrect_validation_info": "An OCSP response is too old or says that a "
        "certificate is not good. " + _ASK_OWN,
        "cannot_create_signature": "The server could not sign: certificate expired, or "
        "no OCSP response. " + _ASK_OWN,
        "key_not_available": "The server's token is not logged in, or a certificate "
        "has expired. " + _ASK_OWN,
        "token_not_active": "The server's token is not logged in. " + _ASK_OWN,
        "global_conf_outdated": "A server's global configuration is out of date: it "
        "cannot reach the central server. Ask the operator of the side that the code names",
        "inconsistent_response": "The answer does not fit the request and was not "
        "passed on. " + _ASK_PROVIDER,
    },
    "Logs and the service": {
        "logging_failed": "The message could not be logged, so it was not passed on. Ask "
        "the operator of the side that the code names: disk full, database down?",
        "timestamping_failed": "Time-stamping has failed for too long. Ask the operator "
        "of the side that the code names",
        "mlog.no_timestamping_provider_found": "No time-stamping service is set on the "
        "server of the side that the code names",
        "service_missing_url": "The provider has no address for the service. "
        + _ASK_PROVIDER,
        "service_malformed_url": "The provider's address for the service is wrong. "
        + _ASK_PROVIDER,
        "service_failed": "The service behind the provider's server failed. "
        + _ASK_PROVIDER,
        "database_error": "A server's database failed. Ask the operator of the side that "
        "the code names",
        "internal_error": "A server failed. Ask the operator of the side that the code "
        "names, giving the detail",
    },
}
"""The table as the reference of faults shows it: title, code, advice."""
ADVICE: Mapping[str, str] = {
    code: advice for group in GROUPS.values() for code, advice in group.items()
}
"""By the last part of a code that is in the table."""


def _squashed(code: str) -> str:
    return code.lower().replace("_", "")


_MODERN = {
    _squashed(spelling): code
    for code in (*ADVICE, "serverproxy", "clientproxy", "opmonitor")
    for spelling in (code, legacy_code(code))
}

_CAUSES = frozenset(map(_squashed, KNOWN_CAUSES))


def modern_parts(code: str) -> tuple[str, ...]:
    """Return the parts of a code in the 7.8 spelling, as far as it is known.

    >>> modern_parts("Server.ServerProxy.AccessDenied")
    ('server', 'serverproxy', 'access_denied')
    """
    parts = code[:MAX_CODE_CHARACTERS].split(".")
    return tuple(_MODERN.get(_squashed(part), part.lower()) for part in parts)


def is_x_road_cause(part: str) -> bool:
    """Whether the part of a code is one of X-Road's table, in either spelling."""
    return _squashed(part) in _CAUSES


def advice_for(code: str) -> str:
    """Return what to do about a fault; empty if nothing is known.

    The last part that is in the table decides.
    """
    parts = modern_parts(code)
    ends = (
        ".".join(parts[first:last])
        for last in range(len(parts), 0, -1)
        for first in (last - 2, last - 1)
        if first >= 0
    )
    return next((ADVICE[end] for end in ends if end in ADVICE), "")
