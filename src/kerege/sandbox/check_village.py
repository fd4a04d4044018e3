"""The unattended demo's look at the village's site: sign in, and find a person."""

import re

import aiohttp

from kerege.sandbox.village import Village

TIMEOUT = aiohttp.ClientTimeout(total=60)
_TOKEN = re.compile(r'name="csrfmiddlewaretoken" value="([^"]+)"')


async def find_somebody(village: Village) -> str:
    """Sign in as the clerk and search for a person, as a browser does.

    Returns:
        What went wrong; empty if nothing did.
    """
    jar = aiohttp.CookieJar(unsafe=True)  # the site's name is an address
    async with aiohttp.ClientSession(cookie_jar=jar, timeout=TIMEOUT) as session:
        token = _TOKEN.search(await _text(session, f"{village.site}/sign-in/"))
        if token is None:
            return "The site's sign-in page has no form"
        form = {
            "csrfmiddlewaretoken": token[1],
            "sign_in_name": village.sign_in_name,
            "password": village.password,
        }
        async with session.post(f"{village.site}/sign-in/", data=form) as answer:
            if answer.url.path == "/sign-in/":
                return f"The clerk could not sign in: HTTP {answer.status}"
        found = await _text(session, f"{village.site}/aimak/search/", q=village.person)
        if village.person.split()[0] not in _without_forms(found):
            return "The site did not find the person it was asked for"
        forged = {"X-Road-Client": "central-server/COM/60000001/banking"}
        async with session.get(f"{village.site}/land/1", headers=forged) as answer:
            if answer.status != 404:
                return f"The site answered a forged X-Road header: HTTP {answer.status}"
    return ""


async def _text(session: aiohttp.ClientSession, url: str, **query: str) -> str:
    async with session.get(url, params=query) as answer:
        return await answer.text()


def _without_forms(page: str) -> str:
    """Leave out where the question itself is shown again."""
    return re.sub(r"<(form|title|h1)\b.*?</\1>", "", page, flags=re.DOTALL)
