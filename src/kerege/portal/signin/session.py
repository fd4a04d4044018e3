"""Who a session belongs to.

Django's own functions bring its tables of permissions, which this site has not.
"""

from django.contrib.auth import HASH_SESSION_KEY, SESSION_KEY
from django.http import HttpRequest
from django.utils.crypto import constant_time_compare

from kerege.apps.common.staff.models import User


class Stranger:
    """Somebody who has not signed in."""

    pk = None
    is_authenticated = False
    is_anonymous = True
    is_active = False

    def __str__(self) -> str:
        return ""


def user_of(request: HttpRequest) -> User | Stranger:
    """Return who is signed in; a changed password ends all sessions."""
    key = request.session.get(SESSION_KEY)
    user = User.objects.filter(pk=key, is_active=True).first() if key else None
    if user is None:
        return Stranger()
    given = request.session.get(HASH_SESSION_KEY, "")
    if not constant_time_compare(given, user.get_session_auth_hash()):
        request.session.flush()
        return Stranger()
    return user


def end_session(request: HttpRequest) -> None:
    """Sign out: nothing of the session stays."""
    request.session.flush()
    request.user = Stranger()  # type: ignore[assignment]
