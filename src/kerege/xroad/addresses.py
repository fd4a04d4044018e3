"""Addresses as people may see them: an address may hold a password."""


def shown(url: str) -> str:
    """Return an address as logs, lists and faults may show it: without user and password.

    Also of what is no address: whatever stands before the last ``@`` of the host's
    part is a secret of somebody.
    """
    scheme, separator, rest = url.partition("://")
    if not separator:
        scheme, rest = "", url
    found = (rest.find(mark) for mark in "/?#")
    end = min((place for place in found if place >= 0), default=len(rest))
    _, at, host = rest[:end].rpartition("@")
    return f"{scheme}{separator}{'***@' if at else ''}{host}{rest[end:]}"
