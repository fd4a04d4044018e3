"""The vocabulary in the database: words come in once, with their keys."""

from collections.abc import Collection, Iterable
from typing import TypeVar

from kerege.apps.aimak.names.alphabet import clean
from kerege.apps.aimak.names.folding import fold
from kerege.apps.aimak.names.keys import index_keys
from kerege.apps.aimak.names.vocabulary import MAX_ENTRIES, Entry
from kerege.apps.aimak.search.models import Token, TokenKey

T = TypeVar("T")

CHUNK = 900
"""Values in one statement: SQLite of old took 999 parameters."""


class StoredVocabulary:
    """Looks keys up in the database, by equality only."""

    def find(self, keys: Collection[str], mistakes: int) -> Iterable[Entry]:
        """See `kerege.apps.aimak.names.vocabulary.Vocabulary.find`."""
        rows = TokenKey.objects.filter(
            key__in=list(keys)[:CHUNK], deleted__lte=mistakes
        )
        fewest: dict[int, int] = {}
        for token, deleted in rows.values_list("token_id", "deleted").order_by(
            "deleted"
        )[: 2 * MAX_ENTRIES]:
            fewest.setdefault(token, deleted)
        chosen = list(fewest)[:MAX_ENTRIES]
        for chunk in _chunks(chosen):
            for pk, text, folded in Token.objects.filter(pk__in=chunk).values_list(
                "pk", "text", "folded"
            ):
                yield Entry(pk, text, folded)


def numbers_of(words: Iterable[str]) -> dict[str, int]:
    """Return each word (cleaned) with its number; words that are new are stored.

    Call it inside the transaction that writes who is called so. Two transactions that
    bring the same word at once are both right: the second finds what the first stored.
    """
    wanted = {word for word in map(clean, words) if fold(word)}
    found = _known(wanted)
    new = sorted(wanted - found.keys())
    if new:
        Token.objects.bulk_create(
            [Token(text=word, folded=fold(word)) for word in new],
            ignore_conflicts=True,
        )
        stored = _known(new)
        _store_keys(stored)
        found |= stored
    return found


def _known(words: Collection[str]) -> dict[str, int]:
    found: dict[str, int] = {}
    for chunk in _chunks(sorted(words)):
        rows = Token.objects.filter(text__in=chunk)
        found |= dict(rows.values_list("text", "pk"))
    return found


def _store_keys(tokens: dict[str, int]) -> None:
    for chunk in _chunks(sorted(tokens)):
        ids = [tokens[word] for word in chunk]
        have = set(
            TokenKey.objects.filter(token_id__in=ids)
            .values_list("token_id", flat=True)
            .distinct()
        )
        TokenKey.objects.bulk_create(
            TokenKey(token_id=tokens[word], key=key, deleted=deleted)
            for word in chunk
            if tokens[word] not in have
            for key, deleted in index_keys(word).items()
        )


def _chunks(values: list[T]) -> Iterable[list[T]]:
    return (values[i : i + CHUNK] for i in range(0, len(values), CHUNK))
