"""Staff, offices, and who may do what where, from when to when."""

from typing import ClassVar

from django.contrib.auth.base_user import AbstractBaseUser, BaseUserManager
from django.db import models
from django.utils.translation import gettext_lazy as _

from kerege.apps.common.staff.rights import Role


class UserManager(BaseUserManager["User"]):
    """Makes users; a password is always hashed."""

    def create_user(self, sign_in_name: str, password: str, **fields: object) -> "User":
        """Make and save a user."""
        user = self.model(sign_in_name=sign_in_name, **fields)
        user.set_password(password)
        user.save(using=self._db)
        return user


class User(AbstractBaseUser):
    """Somebody who works in an office; not a citizen."""

    sign_in_name = models.CharField(_("sign-in name"), max_length=60, unique=True)
    full_name = models.CharField(_("full name"), max_length=200)
    email = models.EmailField(_("e-mail"), blank=True)
    phone = models.CharField(_("phone"), max_length=20, blank=True)
    language = models.CharField(_("language"), max_length=2, default="ky")
    is_active = models.BooleanField(_("may sign in"), default=True)
    created_at = models.DateTimeField(auto_now_add=True)

    objects: ClassVar[UserManager] = UserManager()

    USERNAME_FIELD = "sign_in_name"
    EMAIL_FIELD = "email"
    REQUIRED_FIELDS: ClassVar[list[str]] = ["full_name"]

    def __str__(self) -> str:
        return self.full_name or self.sign_in_name


class Office(models.Model):
    """A village office (ayil okmotu), or one above it."""

    code = models.SlugField(max_length=40, unique=True)
    name_ky = models.CharField(max_length=200)
    name_ru = models.CharField(max_length=200)
    name_en = models.CharField(max_length=200)
    unit_code = models.CharField(max_length=14)
    """SOATE code of the unit that the office serves."""

    def __str__(self) -> str:
        return self.code


class Assignment(models.Model):
    """A role that somebody has in an office or a unit, from one day to another."""

    user = models.ForeignKey(User, models.PROTECT, related_name="assignments")
    role = models.CharField(max_length=20, choices=Role.choices)
    office = models.ForeignKey(Office, models.PROTECT, null=True, blank=True)
    """Clerks and heads work in one; others have a unit or the whole country."""
    unit_code = models.CharField(max_length=14, blank=True)
    """For a district: the SOATE code of all that it sees."""
    valid_from = models.DateField()
    valid_to = models.DateField(null=True, blank=True)
    """The first day on which the role is no longer had."""

    def __str__(self) -> str:
        return f"{self.user} {self.role}"
