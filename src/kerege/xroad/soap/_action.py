"""The SOAPAction header of a request."""

import re

from kerege.xroad.faults import XRoadError

MAX_SOAP_ACTION_CHARACTERS = 2048
"""A URI in quotes; real ones have about 60 characters."""

_URI = re.compile(
    r"\"(?:[A-Za-z][A-Za-z0-9+.\-]*:)?"
    r"(?:[A-Za-z0-9\-._~:/?#\[\]@!$&'()*+,;=]|%[0-9A-Fa-f]{2}|[^\x00-\xa0\u2028\u2029])*\""
)
"""RFC 3986 section 2, and other letters as they are, as java.net.URI takes them."""


def check_soap_action(value: str | None) -> str | None:
    """Return a SOAPAction header that may be passed on.

    It may be absent (None), empty, ``""`` or a URI in double quotes (SOAP 1.1 section
    6.1.1, `MessageProcessorBase.validateSoapActionHeader`).

    Raises:
        XRoadError: ``invalid_soap_action``.
    """
    if not value:
        return value
    if len(value) > MAX_SOAP_ACTION_CHARACTERS or not _URI.fullmatch(value):
        raise XRoadError(
            "invalid_soap_action",
            'The SOAPAction must be empty, "" or a URI in double quotes',
        )
    return value
