"""The demo's provider: two services of a village register over synthetic people.

It believes X-Road headers because it listens on loopback only, for its own Security
Server; the paths and answers are those of the real `sanaripaymak-service`.
"""

import json
from functools import partial

from aiohttp import web

from kerege.sandbox.description import openapi_description
from kerege.sandbox.people import Register

_readable = partial(json.dumps, ensure_ascii=False)
"""Names in Cyrillic as people read them, not as ``\\u`` escapes."""


def provider_application(register: Register) -> web.Application:
    """Return the application that answers from ``register``."""

    async def address_fact(request: web.Request) -> web.Response:
        answer = register.address_fact(request.match_info["pin"])
        if answer is None:
            return web.Response(status=204)
        return web.json_response(answer, dumps=_readable)

    async def family_members(request: web.Request) -> web.Response:
        members = register.family_members(request.match_info["pin"])
        return web.json_response(members, dumps=_readable)

    async def description(request: web.Request) -> web.Response:
        try:
            found = openapi_description(request.match_info["code"])
        except KeyError as error:
            raise web.HTTPNotFound from error
        return web.json_response(found, dumps=_readable)

    application = web.Application()
    application.router.add_get("/address-fact/{pin}", address_fact)
    application.router.add_get("/family-members/{pin}", family_members)
    application.router.add_get("/openapi/{code}", description)
    return application
