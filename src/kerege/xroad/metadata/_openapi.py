"""OpenAPI descriptions: read and checked, and shown to others without its hosts.

Source: `OpenApiParser.java` (what a service is made of), `Openapi3Anonymiser.java` and
PR-MREST (what getOpenAPI answers). Nothing outside the document is ever fetched.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from urllib.parse import SplitResult, urljoin, urlsplit

from kerege.xroad.addresses import shown
from kerege.xroad.faults import XRoadError
from kerege.xroad.metadata._yaml import (
    Value,
    read_json,
    read_yaml,
    write_json,
    write_yaml,
)

MAX_DESCRIPTION_BYTES = 10 * 1024 * 1024
"""Largest description, as in the reference; the largest public ones have as much."""
MAX_ENDPOINTS = 2000
"""Endpoints of one service: each may have rights of its own, and is shown in lists."""
MAX_PROBLEMS = 50
"""Problems that are told; after these nobody reads on."""
MAX_PATH_CHARACTERS = 255
"""Longest path of an endpoint, as in the reference's database."""
MAX_TEXT = 255
"""Characters of a title or version that are kept."""
METHODS = ("get", "put", "post", "delete", "options", "head", "patch", "trace")
"""Methods of a path, in the order in which the reference lists them."""
SUPPORTED = ("3.0", "3.1")
_PREFIXES = tuple(f"{version}." for version in SUPPORTED)
YAML_MEDIA_TYPES = frozenset(
    ("application/x-yaml", "application/yaml", "text/yaml", "text/x-yaml")
)
_PARAMETER = re.compile(r"\{[^/]*\}")
_NAME = re.compile(r"\{([^/{}]*)\}")
_SPECIAL = re.compile(r"[*\\]")
_WHAT = "The OpenAPI description"


@dataclass(frozen=True, slots=True)
class OpenApiDescription:
    """What X-Road needs of a description, and what is wrong with it."""

    openapi_version: str
    title: str
    version: str
    """The API's own version, of `info`."""
    base_url: str
    """Of its first server; empty if there is none that can be told."""
    endpoints: tuple[tuple[str, str], ...]
    """Method and path pattern, parameters written as ``*``; each once."""
    problems: tuple[str, ...]
    """What does not fit the OpenAPI specification, but can be lived with."""


def is_json_description(content_type: str, url: str) -> bool:
    """Whether a description is JSON: its Content-Type says so, or else its name.

    Args:
        content_type: Of the answer that brought it; may be empty.
        url: Where it is.
    """
    media_type = content_type.split(";", 1)[0].strip().lower()
    if media_type == "application/json" or media_type.endswith("+json"):
        return True
    if media_type in YAML_MEDIA_TYPES or media_type.endswith("+yaml"):
        return False
    return urlsplit(url).path.endswith(".json")


def anonymised(content: bytes, *, is_json: bool, code: str = "internal_error") -> bytes:
    """Return a description without the hosts of its servers.

    Addresses with variables stay, as in the reference; unlike there, the servers of
    single paths and operations lose their hosts, too. So that no other format's hosts
    get out, a document that names no version is refused, which the reference shows as
    it is. YAML is written anew.

    Raises:
        XRoadError: ``code``, for what is no document, or no OpenAPI 3.
    """
    document = _read(content, is_json=is_json, code=code)
    version = document.get("openapi")
    if not (isinstance(version, str) and version.startswith("3.")):
        raise XRoadError(
            code,
            "Incompatible openapi version. Openapi version 3 or greater expected. "
            f"Given openapi document is of version {str(version)[:32]!r}",
        )
    for servers in _all_servers(document):
        _remove_hosts(servers, code)
    return write_json(document) if is_json else write_yaml(document)


def read_openapi(content: bytes, *, is_json: bool, url: str) -> OpenApiDescription:
    """Read and check a description.

    Args:
        content: The document, at most `MAX_DESCRIPTION_BYTES`.
        is_json: See `is_json_description`.
        url: Where it is: relative addresses of servers are relative to it.

    Raises:
        XRoadError: ``openapi_file_error``, for what a service cannot be made of.
    """
    code = "openapi_file_error"
    document = _read(content, is_json=is_json, code=code)
    version = document.get("openapi")
    if not isinstance(version, str) or not f"{version}.".startswith(_PREFIXES):
        raise XRoadError(
            code,
            f"OpenAPI version {str(version)[:32]!r} is not supported, only "
            f"{' and '.join(SUPPORTED)}",
        )
    reader = _Reader(document)
    endpoints = tuple(dict.fromkeys(reader.endpoints()))
    info = document.get("info")
    info = info if isinstance(info, dict) else {}
    return OpenApiDescription(
        openapi_version=version[:MAX_TEXT],
        title=reader.text(info, "title", "info.title"),
        version=reader.text(info, "version", "info.version"),
        base_url=reader.base_url(url),
        endpoints=endpoints,
        problems=tuple(reader.problems),
    )


def _read(content: bytes, *, is_json: bool, code: str) -> dict[str, Value]:
    if len(content) > MAX_DESCRIPTION_BYTES:
        raise XRoadError(code, f"{_WHAT} is larger than {MAX_DESCRIPTION_BYTES} bytes")
    read = read_json if is_json else read_yaml
    document = read(content, code=code, what=_WHAT)
    if not isinstance(document, dict):
        raise XRoadError(code, f"{_WHAT} is not a mapping")
    return document


def _all_servers(document: dict[str, Value]) -> Iterator[Value]:
    yield document.get("servers")
    paths = document.get("paths")
    for item in paths.values() if isinstance(paths, dict) else ():
        if isinstance(item, dict):
            yield item.get("servers")
            for method in METHODS:
                operation = item.get(method)
                if isinstance(operation, dict):
                    yield operation.get("servers")


def _remove_hosts(servers: Value, code: str) -> None:
    for server in servers if isinstance(servers, list) else ():
        url = server.get("url") if isinstance(server, dict) else None
        if not isinstance(url, str) or ("{" in url and "}" in url):
            continue
        server["url"] = _split(url, code).path


def _split(url: str, code: str) -> SplitResult:
    try:
        return urlsplit(url)
    except ValueError as error:
        raise XRoadError(
            code, f"Can't parse url string: {shown(url)[:255]!r}"
        ) from error


class _Reader:
    """Reads one description, and notes what is wrong."""

    def __init__(self, document: dict[str, Value]) -> None:
        self._document = document
        self.problems: list[str] = []

    def text(self, holder: dict[str, Value], key: str, name: str) -> str:
        value = holder.get(key)
        if not isinstance(value, str) or not value:
            self.note(f"{name} is missing, or not text")
            return "" if value is None else str(value)[:MAX_TEXT]
        return value[:MAX_TEXT]

    def note(self, problem: str) -> None:
        if len(self.problems) < MAX_PROBLEMS:
            self.problems.append(problem)

    def base_url(self, url: str) -> str:
        servers = self._document.get("servers")
        first = servers[0] if isinstance(servers, list) and servers else {}
        first = first if isinstance(first, dict) else {}
        address = first.get("url")
        address = address if isinstance(address, str) and address else "/"
        filled = self._with_defaults(address, first.get("variables"))
        if "{" in filled:
            self.note(f"The server {address[:255]!r} has variables without defaults")
            return ""
        try:
            resolved = urljoin(url, filled)
        except ValueError:
            self.note(f"The server {address[:255]!r} has no readable address")
            return ""
        return resolved if filled == "/" else resolved.rstrip("/")

    @staticmethod
    def _with_defaults(address: str, variables: Value) -> str:
        known = variables if isinstance(variables, dict) else {}

        def default(found: re.Match[str]) -> str:
            variable = known.get(found[1])
            value = variable.get("default") if isinstance(variable, dict) else None
            return value if isinstance(value, str) else found[0]

        return _NAME.sub(default, address)

    def endpoints(self) -> Iterator[tuple[str, str]]:
        paths = self._document.get("paths")
        if not isinstance(paths, dict):
            self.note("It has no paths")
            return
        spellings: dict[tuple[str, str], str] = {}
        operation_ids: dict[str, str] = {}
        for path, item in paths.items():
            if path.startswith("x-"):
                continue
            pattern = self._pattern(path)
            for method, operation in self._operations(path, item):
                endpoint = (method.upper(), pattern)
                before = spellings.setdefault(endpoint, path)
                if before != path:
                    self.note(f"{path[:255]} and {before[:255]} are the same endpoint")
                elif len(spellings) > MAX_ENDPOINTS:
                    raise XRoadError(
                        "openapi_file_error",
                        f"{_WHAT} has more than {MAX_ENDPOINTS} endpoints",
                    )
                self._check(f"{method.upper()} {path[:255]}", operation, operation_ids)
                yield endpoint

    def _pattern(self, path: str) -> str:
        if not path.startswith("/"):
            raise XRoadError(
                "openapi_file_error",
                f"The path {path[:255]!r} does not start with a slash",
            )
        literal = _SPECIAL.sub(lambda found: "\\" + found[0], path)
        pattern = _PARAMETER.sub("*", literal)
        if len(pattern) > MAX_PATH_CHARACTERS:
            raise XRoadError(
                "openapi_file_error",
                f"The path {path[:64]!r}... has more than {MAX_PATH_CHARACTERS} "
                "characters",
            )
        return pattern

    def _operations(self, path: str, item: Value) -> Iterator[tuple[str, Value]]:
        found = self._referred(path, item)
        for method in METHODS:
            if method in found:
                yield method, found[method]

    def _referred(self, path: str, item: Value) -> dict[str, Value]:
        """Return a path's item, or what its ``$ref`` stands for in this document."""
        if not isinstance(item, dict):
            self.note(f"The path {path[:255]} is not a mapping")
            return {}
        reference = item.get("$ref")
        if not isinstance(reference, str):
            return item
        place: Value = self._document
        for step in reference.removeprefix("#/").split("/"):
            name = step.replace("~1", "/").replace("~0", "~")
            place = place.get(name) if isinstance(place, dict) else None
        if not reference.startswith("#/") or not isinstance(place, dict):
            self.note(
                f"The path {path[:255]} refers to {reference[:255]!r}, which is not "
                "in this document: it is left out"
            )
            return item
        return {**place, **item}

    def _check(self, name: str, operation: Value, ids: dict[str, str]) -> None:
        if not isinstance(operation, dict):
            self.note(f"{name} is not a mapping")
            return
        if not isinstance(operation.get("responses"), dict):
            self.note(f"{name} has no responses")
        operation_id = operation.get("operationId")
        if isinstance(operation_id, str):
            before = ids.setdefault(operation_id, name)
            if before != name:
                self.note(
                    f"{name} and {before} share the operationId {operation_id[:80]!r}"
                )
