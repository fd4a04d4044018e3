"""How Django finds a user by name and password."""

from django.http import HttpRequest

from kerege.apps.common.staff.models import User


class StaffBackend:
    """Users of `apps.common.staff`; a stranger's name takes as long as a wrong password.

    Django's own backend would bring tables of permissions that we have no use for.
    """

    def authenticate(
        self, request: HttpRequest | None, username: str, password: str
    ) -> User | None:
        """Return the user whose name and password these are, if he may sign in."""
        del request
        user = User.objects.filter(sign_in_name=username).first()
        if user is None:
            User().set_password(password)
            return None
        return user if user.check_password(password) and user.is_active else None

    def get_user(self, user_id: int) -> User | None:
        """Return the user of a session, while he may sign in."""
        return User.objects.filter(pk=user_id, is_active=True).first()
