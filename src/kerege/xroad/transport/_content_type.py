"""Content-Type values: media type and parameters (RFC 9110 section 8.3, RFC 2045)."""

import re

MAX_CONTENT_TYPE_CHARACTERS = 1024
"""Longest value read; Java's have about 80 characters."""

_MEDIA_TYPE = re.compile(r"[ \t]*([^\s;,/]+/[^\s;,/]+(?:/[^\s;,/]+)?)[ \t]*(?:;|$)")
"""``signature/bdoc-1.0/ts`` has two slashes; nobody else may have three parts."""

_PARAMETER = re.compile(
    r";[ \t]*([^\s;=\"]+)[ \t]*=[ \t]*(?:\"((?:[^\"\\]|\\.)*)\"|([^;\"]*))"
)
_QUOTED_PAIR = re.compile(r"\\(.)")


def media_type(value: str) -> str:
    """Return the media type in lower case, or an empty text if there is none."""
    if len(value) > MAX_CONTENT_TYPE_CHARACTERS:
        return ""
    match = _MEDIA_TYPE.match(value)
    return match[1].lower() if match else ""


def parameter(value: str, name: str) -> str | None:
    """Return a parameter of a Content-Type, unquoted; None if it is not there."""
    if len(value) > MAX_CONTENT_TYPE_CHARACTERS:
        return None
    for match in _PARAMETER.finditer(value):
        if match[1].lower() == name:
            quoted, bare = match[2], match[3]
            return (
                bare.strip(" \t") if quoted is None else _QUOTED_PAIR.sub(r"\1", quoted)
            )
    return None


def parameter_names(value: str) -> list[str]:
    """Return the names of all parameters in lower case, as often as they are there."""
    if len(value) > MAX_CONTENT_TYPE_CHARACTERS:
        return []
    return [match[1].lower() for match in _PARAMETER.finditer(value)]
