"""People by the words of their names: which words may stand where, best first.

A word of the query may be a surname, a given name or a patronymic, and it may be
misspelled; so each word is a list of names of the vocabulary with their ranks, and each
way to give the words places is one question to an index. First only spellings of the
words themselves are asked for; near misses come when those are few.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import permutations

from django.db.models import QuerySet

from kerege.apps.aimak.names.query import NameWord
from kerege.apps.aimak.names.vocabulary import LEAST, SAME, Candidate, candidates
from kerege.apps.aimak.search.models import PersonEntry, PersonWord
from kerege.apps.aimak.search.words import StoredVocabulary

SLOTS = ("surname_id", "given_id", "patronymic_id")
FETCHED = 400
"""Rows of one question: enough for a page and to see that there are more."""
STEPS = (SAME, 0.85, 0.75, LEAST)
"""Ranks from which on names are asked for, until a page is full: of a question that
brings more rows than are fetched, those that are fetched could be the worse ones."""
FORMER = 0.95
"""What a rank is worth for a name somebody had before, or a second one."""
LEFT_OUT = 0.75
"""What a rank is worth if a word of the query fits nothing of a person."""
UNUSUAL_ORDER = 0.999
"""Given name and patronymic are as good as any, but surname and given name come first."""


@dataclass(frozen=True, slots=True)
class Hit:
    """Somebody whose names match."""

    person_id: int
    rank: float
    matches: tuple[Candidate, ...]
    """For each word that matched, the name it was taken for."""
    sort: str


class NameSearch:
    """One search: the words' candidates are looked up once."""

    def __init__(
        self, words: Sequence[NameWord], people: QuerySet[PersonEntry]
    ) -> None:
        """Take the words and the persons among whom to look."""
        vocabulary = StoredVocabulary()
        self._people = people
        self._found = [
            {
                candidate.id: candidate
                for candidate in candidates(
                    word.text, vocabulary, typed_otherwise=word.typed_otherwise
                )
            }
            for word in words
        ]

    def hits(self, wanted: int) -> dict[int, Hit]:
        """Return persons by id, at least `wanted` if there are so many."""
        best: dict[int, Hit] = {}
        asked: list[dict[int, Candidate]] = []
        for rank in STEPS:
            lists = [_at_least(found, rank) for found in self._found]
            if all(lists) and lists != asked:
                self._collect(lists, best)
                asked = lists
            if len(best) >= wanted:
                return best
        if len(self._found) > 2 and not best:
            for left_out in range(len(self._found)):
                fewer = [f for i, f in enumerate(self._found) if i != left_out]
                if all(fewer):
                    self._collect(fewer, best, worth=LEFT_OUT)
        return best

    def _collect(
        self,
        lists: list[dict[int, Candidate]],
        best: dict[int, Hit],
        worth: float = 1.0,
    ) -> None:
        used = lists[: len(SLOTS)]
        for places in permutations(range(len(SLOTS)), len(used)):
            order = 1.0 if list(places) == sorted(places) else UNUSUAL_ORDER
            for hit in self._in_places(used, places, worth * order):
                _keep(best, hit)
        for hit in self._with_other_words(used, worth * FORMER):
            _keep(best, hit)

    def _in_places(
        self, lists: list[dict[int, Candidate]], places: tuple[int, ...], worth: float
    ) -> Iterator[Hit]:
        columns = [SLOTS[place] for place in places]
        conditions = {
            f"{column}__in": list(found)
            for column, found in zip(columns, lists, strict=True)
        }
        if len(lists) > 1:
            yield from _read(self._people.filter(**conditions), columns, lists, worth)
            return
        for band in sorted({_band(c) for c in lists[0].values()}, reverse=True):
            alike = {k: c for k, c in lists[0].items() if _band(c) == band}
            rows = self._people.filter(**{f"{columns[0]}__in": list(alike)})
            hits = list(_read(rows, columns, lists, worth))
            yield from hits
            if len(hits) >= FETCHED:
                return

    def _with_other_words(
        self, lists: list[dict[int, Candidate]], worth: float
    ) -> Iterator[Hit]:
        """Yield persons one word of whose query is a former or second name."""
        for at, found in enumerate(lists):
            others = [other for i, other in enumerate(lists) if i != at]
            words = dict(
                PersonWord.objects.filter(token_id__in=list(found))
                .filter(person__search_entry__in=self._people)
                .values_list("person_id", "token_id")[:FETCHED]
            )
            people = self._people.filter(pk__in=list(words))
            for pk, *tokens, sort in people.values_list("pk", *SLOTS, "sort"):
                matched = [
                    max(
                        (o[t] for t in tokens if t in o),
                        key=lambda c: c.rank,
                        default=None,
                    )
                    for o in others
                ]
                if all(matched):
                    matches = (found[words[pk]], *(m for m in matched if m))
                    yield Hit(pk, _mean(matches) * worth, matches, sort)


def _read(
    rows: QuerySet[PersonEntry],
    columns: list[str],
    lists: list[dict[int, Candidate]],
    worth: float,
) -> Iterator[Hit]:
    for pk, sort, *tokens in rows.values_list("pk", "sort", *columns)[:FETCHED]:
        matches = tuple(
            found[token] for found, token in zip(lists, tokens, strict=True)
        )
        yield Hit(pk, _mean(matches) * worth, matches, sort)


def _band(candidate: Candidate) -> int:
    """Return a tenth: names of one are asked for together, the better ones first."""
    return int(candidate.rank * 10)


def _mean(matches: Iterable[Candidate]) -> float:
    ranks = [candidate.rank for candidate in matches]
    return sum(ranks) / len(ranks)


def _keep(best: dict[int, Hit], hit: Hit) -> None:
    known = best.get(hit.person_id)
    if known is None or hit.rank > known.rank:
        best[hit.person_id] = hit


def _at_least(found: dict[int, Candidate], rank: float) -> dict[int, Candidate]:
    return {
        key: candidate for key, candidate in found.items() if candidate.rank >= rank
    }
