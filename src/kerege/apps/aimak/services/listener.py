"""The services as a WSGI application that believes its own Security Server only."""

import json
import logging
from collections.abc import Iterable
from typing import Any

from django.core.signals import request_finished, request_started
from django.core.wsgi import get_wsgi_application
from django.db import DatabaseError

from kerege.apps.aimak.services.asking import note_stranger
from kerege.exchange.provider import Trust, XRoadWSGI

Environ = dict[str, Any]
_REACHED = "kerege.services.reached"
_application_log = logging.getLogger("kerege.services")


class Services:
    """Judges each connection; who is not believed gets a 403, and is in the audit log."""

    def __init__(self, trust: Trust) -> None:
        """Take the rule by which connections are judged.

        Django must be set up, with `urls` of this folder as its addresses.
        """
        self._django = get_wsgi_application()
        # The Security Server fetches descriptions without saying who asks.
        self._judging = XRoadWSGI(self._answer, trust, required=False)

    def __call__(self, environ: Environ, start_response: Any) -> Iterable[bytes]:  # noqa: ANN401 - PEP 3333
        """Answer one request."""
        answer = self._judging(environ, start_response)
        if _REACHED not in environ:
            answer = list(answer)
            _note(str(json.loads(b"".join(answer))["error"]))
        return answer

    def _answer(self, environ: Environ, start_response: Any) -> Iterable[bytes]:  # noqa: ANN401 - PEP 3333
        environ[_REACHED] = True
        return self._django(environ, start_response)


def _note(reason: str) -> None:
    request_started.send(sender=Services)  # Django then looks after its connections
    try:
        note_stranger(reason)
    except DatabaseError:  # it was refused: nothing was told
        _application_log.exception("a refused call is not in the audit log")
    finally:
        request_finished.send(sender=Services)
