"""OpenAPI descriptions of the demo's two services, as their provider serves them."""

from collections.abc import Mapping

ENDPOINTS = (("GET", "/*"),)
"""What each of them describes: a PIN behind the service code."""

_TEXT = {"type": "string"}
_CODES = ("pin", "state", "stateId", "region", "regionId", "district", "districtId")
_PLACES = ("city", "cityId", "street", "streetId", "house")


def _object(properties: Mapping[str, object]) -> dict[str, object]:
    return {"type": "object", "properties": dict(properties)}


_ADDRESS = _object(
    {
        **dict.fromkeys((*_CODES, *_PLACES), _TEXT),
        "liveInHouseholdFrom": {"type": "boolean"},
        "flat": {"type": "string", "nullable": True},
    }
)
_FAMILY = _object(
    {
        "code": {"type": "integer"},
        "message": _TEXT,
        "members": {
            "type": "array",
            "items": _object({"name": _TEXT, "role": _TEXT}),
        },
    }
)
_ABOUT = {
    "address-fact": ("Where a person lives", _ADDRESS, {"204": "Nobody has this PIN"}),
    "family-members": ("Who lives in a person's household", _FAMILY, {}),
}


def openapi_description(code: str) -> dict[str, object]:
    """Return the description of a service. Raises `KeyError` if there is none."""
    summary, schema, others = _ABOUT[code]
    answer = {
        "description": summary,
        "content": {"application/json": {"schema": schema}},
    }
    return {
        "openapi": "3.0.3",
        "info": {
            "title": summary,
            "version": "1.0",
            "description": "Synthetic people. NOT FOR PRODUCTION.",
        },
        "servers": [{"url": f"/{code}"}],
        "paths": {
            "/{pin}": {
                "get": {
                    "summary": summary,
                    "operationId": code,
                    "parameters": [
                        {"name": "pin", "in": "path", "required": True, "schema": _TEXT}
                    ],
                    "responses": {
                        "200": answer,
                        **{s: {"description": text} for s, text in others.items()},
                    },
                }
            }
        },
    }
