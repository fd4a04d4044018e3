r"""Endpoint path patterns, and the readings of a path that they are held against.

Rules (X-Road 7.8 source, `PathGlob.java`, `BaseEndpoint.java`, `UriUtils.java`):

* ``*`` stands for any characters of one segment, ``**`` for any characters at all;
  ``\*`` and ``\\`` are the characters themselves. The whole path must fit.
* A ``*`` takes all it can and gives nothing back, as in the reference: ``/*.json``
  fits nothing.
* The endpoint of a whole service has the method ``*`` and the pattern ``**``.
* A path is compared percent-decoded and with its dot segments resolved; if a dot
  segment climbs out of the root, nothing is allowed.

The provider receives the path byte for byte as the client sent it and may read it
differently from us. So, where the reference compares one reading, we compare all that
differ (dots resolved and slashes merged or not, ``%2F`` a separator or not, ``\``
another one, ``..;x`` a dot segment, ``%3F`` and ``%23`` the end of the path, dots and
slashes escaped several times), and a right must cover every one of them. A path with a
broken escape, or with ASCII spelled longer than UTF-8 allows, has no right.
"""

import re
from collections.abc import Iterable
from functools import lru_cache
from urllib.parse import unquote

ANY_METHOD = "*"
ANY_PATH = "**"
MAX_PATTERN_CHARACTERS = 255
"""Longest path pattern, as in the reference's database."""
MAX_PATTERN_WILDCARDS = 8
"""Most ``**`` in a pattern; endpoints of OpenAPI documents have none."""
MAX_PATH_CHARACTERS = 8 * 1024
"""Longest path held against a pattern: the reference's HTTP server takes no longer
request line, and the work grows with the square of it at worst."""
_ENCODED_SLASH = "\x00"
"""Stands for ``%2F`` in the reading where it does not separate. A decoded NUL is refused
before, so the two cannot be taken for each other."""
_BROKEN_ESCAPE = re.compile(r"%(?![0-9A-Fa-f]{2})")
_ESCAPED_AGAIN = re.compile(r"%(?:25)*(?:2e|2f|5c)", re.IGNORECASE)
"""Dots and slashes that one more decoding, or several, would bring out."""
MAX_DECODINGS = 5
"""Proxies before a service decode once or twice; more is only meant to deceive."""
_OVERLONG = re.compile(r"%c[01]%[89ab]|%e0%[89]|%f0%8", re.IGNORECASE)
"""Old decoders read ``%C0%AE`` as a dot (CVE-2000-0884); in UTF-8 it is nothing."""
_DOTS_WITH_PARAMETERS = re.compile(r"(?:^|/)\.{0,2};")
"""Java's servers drop ``;x`` from a segment before they resolve dots."""
_END_OF_PATH = re.compile(r"[?#]")
"""For who decodes first, and then looks for the query."""
_PARAMETERS = re.compile(r";[^/]*")
_PART = re.compile(r"\\[*\\]|\*+|[^*\\]+|\\")


@lru_cache(maxsize=4096)
def compile_pattern(pattern: str) -> re.Pattern[str]:
    """Return the regular expression of a path pattern; use its ``fullmatch``.

    What stands between two ``**`` takes the first place where it fits, for good: no
    later one could end earlier. So nothing is tried twice, however many ``**`` there
    are.
    """
    fixed = [""]
    for part in _PART.findall(pattern):
        if part.startswith("**"):
            fixed.append("")
        else:
            fixed[-1] += _regex(part)
    first, *others = fixed
    if not others:
        return re.compile(first)
    middle = "".join(f"(?>.*?{each})" for each in others[:-1])
    return re.compile(f"{first}{middle}.*{others[-1]}")


def _regex(part: str) -> str:
    if part == "*":
        return "[^/]*+"
    if part.startswith("\\") and len(part) == 2:
        return re.escape(part[1])
    return re.escape(part)


def readings(path: str) -> tuple[str, ...]:
    """Return the ways in which a provider may read a path; usually there is one.

    An empty tuple means that the path has no safe reading: nobody may call it.
    """
    if "%" not in path:
        plain = not any(special in path for special in ("/.", "//", ";", "\\"))
        return (path,) if plain else _with_dots((path,))
    if _BROKEN_ESCAPE.search(path) or _OVERLONG.search(path):
        return ()
    apart = re.sub("%2f", _ENCODED_SLASH, path, flags=re.IGNORECASE)
    found = [unquote(path), unquote(apart)]
    if _ENCODED_SLASH in found[0]:
        return ()
    again = found[0]
    while _ESCAPED_AGAIN.search(again):
        again = unquote(again)
        found.append(again)
        if _ENCODED_SLASH in again or len(found) > MAX_DECODINGS:
            return ()
    return _with_dots(dict.fromkeys(found))


def _with_dots(paths: Iterable[str]) -> tuple[str, ...]:
    found = dict.fromkeys(paths)
    for path in tuple(found):
        for spelling in _spellings(path):
            resolved = _resolve(spelling)
            if resolved is None:
                return ()
            found[resolved] = None
    return tuple(found)


def _spellings(path: str) -> list[str]:
    """Return what servers may make of a path before they resolve its dots."""
    found = [path]
    if "?" in path or "#" in path:
        found += [_END_OF_PATH.split(each)[0] for each in found]
    if "\\" in path:
        found += [each.replace("\\", "/") for each in found]
    return found + [
        _PARAMETERS.sub("", each)
        for each in found
        if _DOTS_WITH_PARAMETERS.search(each)
    ]


def _resolve(path: str) -> str | None:
    """Resolve dot segments (RFC 3986 section 5.2.4); None if they leave the root.

    Empty segments go too, as Java's ``URI.normalize`` takes them out.
    """
    segments = path.split("/")
    if "." not in segments and ".." not in segments and "//" not in path:
        return path
    kept: list[str] = []
    for segment in segments:
        if segment == "..":
            if not kept:
                return None
            kept.pop()
        elif segment not in ("", "."):
            kept.append(segment)
    tail = "/" if segments[-1] in ("", ".", "..") and kept else ""
    return "/" + "/".join(kept) + tail
