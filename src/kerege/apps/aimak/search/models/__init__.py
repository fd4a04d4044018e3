"""What can be looked for: words, their keys, and where people and streets have them.

Names are compared in columns of our own, the same on both databases; see
`kerege.apps.aimak.names` for the keys and `docs` of the design for why.
"""

from django.db import models

from kerege.apps.aimak.models import Person, Street
from kerege.apps.aimak.names.alphabet import MAX_NAME_CHARS
from kerege.apps.common.staff.models import Office

SORT_CHARS = 120
"""60 letters of surname, given name and patronymic: who differ later share a page."""


class Token(models.Model):
    """One word that somebody or some street is called."""

    text = models.CharField(max_length=MAX_NAME_CHARS, unique=True)
    """In small letters, NFC."""
    folded = models.CharField(max_length=2 * MAX_NAME_CHARS)

    def __str__(self) -> str:
        return self.text


class TokenKey(models.Model):
    """A key by which a word is found (`names.keys`)."""

    token = models.ForeignKey(
        Token, models.CASCADE, related_name="keys", db_index=False
    )
    key = models.CharField(max_length=2 * MAX_NAME_CHARS)
    deleted = models.PositiveSmallIntegerField()

    class Meta:
        indexes = [
            models.Index(fields=["key", "deleted", "token"], name="aimak_key_token")
        ]

    def __str__(self) -> str:
        return self.key


def _word() -> "models.ForeignKey[Token | None, Token | None]":
    return models.ForeignKey(
        Token, models.PROTECT, null=True, related_name="+", db_index=False
    )


class PersonEntry(models.Model):
    """What somebody is called now, as numbers of words, and when they were born."""

    person = models.OneToOneField(
        Person, models.CASCADE, primary_key=True, related_name="search_entry"
    )
    office = models.ForeignKey(Office, models.PROTECT, related_name="+", db_index=False)
    surname = _word()
    given = _word()
    patronymic = _word()
    birth_date = models.DateField(null=True)
    birth_year = models.PositiveSmallIntegerField(null=True)
    sort = models.CharField(max_length=SORT_CHARS)
    """Digits that sort as the Kyrgyz alphabet does, surname first."""

    class Meta:
        indexes = [
            models.Index(fields=["surname", "given", "office"], name="aimak_pe_sg"),
            models.Index(fields=["given", "patronymic", "office"], name="aimak_pe_gp"),
            models.Index(
                fields=["patronymic", "surname", "office"], name="aimak_pe_ps"
            ),
            models.Index(fields=["birth_date", "office"], name="aimak_pe_born"),
            models.Index(fields=["office", "sort"], name="aimak_pe_sort"),
        ]

    def __str__(self) -> str:
        return str(self.person_id)


class PersonWord(models.Model):
    """Another word somebody is or was called: an earlier surname, a second one."""

    person = models.ForeignKey(
        Person, models.CASCADE, related_name="search_words", db_index=True
    )
    token = models.ForeignKey(Token, models.PROTECT, related_name="+", db_index=False)
    office = models.ForeignKey(Office, models.PROTECT, related_name="+", db_index=False)

    class Meta:
        indexes = [
            models.Index(fields=["token", "office", "person"], name="aimak_pw_token")
        ]

    def __str__(self) -> str:
        return f"{self.person_id} {self.token_id}"


class StreetWord(models.Model):
    """A word of a street's name."""

    street = models.ForeignKey(Street, models.CASCADE, related_name="search_words")
    token = models.ForeignKey(Token, models.PROTECT, related_name="+")

    def __str__(self) -> str:
        return f"{self.street_id} {self.token_id}"
