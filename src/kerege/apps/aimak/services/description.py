"""The OpenAPI descriptions that getOpenAPI hands on: one for each service code.

They are made from the services themselves, so that they cannot differ. Written as
OpenAPI 3.0, which every Security Server reads.
"""

from functools import cache
from typing import Any

from kerege.apps.aimak.services.api import api

VERSION = "3.0.3"


@cache
def services() -> tuple[str, ...]:
    """Return the service codes."""
    paths = api.get_openapi_schema(path_prefix="")["paths"]
    return tuple(dict.fromkeys(path.split("/")[1] for path in paths))


@cache
def description(code: str) -> dict[str, Any]:
    """Return the description of one service.

    Raises:
        KeyError: There is no such service.
    """
    whole = api.get_openapi_schema(path_prefix="")
    base = f"/{code}"
    paths = {
        path.removeprefix(base) or "/": item
        for path, item in whole["paths"].items()
        if path == base or path.startswith(base + "/")
    }
    if not paths:
        raise KeyError(code)
    operation = next(iter(next(iter(paths.values())).values()))
    schemas = _used(paths, whole["components"]["schemas"])
    made: dict[str, Any] = _as_3_0({"paths": paths, "components": {"schemas": schemas}})
    info = {**whole["info"], "title": operation["summary"]}
    return {"openapi": VERSION, "info": info, "servers": [{"url": base}], **made}


def _used(part: object, schemas: dict[str, Any]) -> dict[str, Any]:
    """Return the schemas that a part refers to, and those that these refer to."""
    found: dict[str, Any] = {}
    waiting = [part]
    while waiting:
        one = waiting.pop()
        if isinstance(one, list):
            waiting += one
        elif isinstance(one, dict):
            waiting += one.values()
            name = str(one.get("$ref", "")).rpartition("/")[2]
            if name in schemas and name not in found:
                found[name] = schemas[name]
                waiting.append(schemas[name])
    return dict(sorted(found.items()))


def _as_3_0(part: Any) -> Any:  # noqa: ANN401 - JSON
    """Write what 3.1 says otherwise as 3.0 does: null and examples; statuses as text."""
    if isinstance(part, list):
        return [_as_3_0(one) for one in part]
    if not isinstance(part, dict):
        return part
    made = {str(name): _as_3_0(one) for name, one in part.items()}
    choices = made.get("anyOf")
    if isinstance(choices, list) and {"type": "null"} in choices:
        others = [one for one in choices if one != {"type": "null"}]
        del made["anyOf"]
        made |= {"nullable": True, **(others[0] if len(others) == 1 else {})}
        if len(others) != 1:
            made["anyOf"] = others
    examples = made.get("examples")
    if isinstance(examples, list):
        del made["examples"]
        made["example"] = examples[0]
    return made
