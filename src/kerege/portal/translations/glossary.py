"""The glossary: which word of Kyrgyz and Russian stands for which English one."""

import re
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from importlib import resources

from kerege.apps.aimak.names.alphabet import clean

KYRGYZ_ONLY = {"ң": "н", "ө": "о", "ү": "у"}
"""Letters that a Russian keyboard lacks, and what is typed for them."""

_TYPED = str.maketrans("".join(KYRGYZ_ONLY), "".join(KYRGYZ_ONLY.values()))


@dataclass(frozen=True, slots=True)
class Term:
    """One term."""

    english: tuple[str, ...]
    words: dict[str, str]
    """The word to use, by language."""
    stems: dict[str, tuple[tuple[str, ...], ...]]
    """By language, the alternatives: the beginnings of words that must be there."""

    def is_in(self, language: str, text: str) -> bool:
        """Tell whether a translation has one of the alternatives."""
        found = words_of(text)
        return any(
            all(any(word.startswith(stem) for word in found) for stem in alternative)
            for alternative in self.stems[language]
        )


@dataclass(frozen=True, slots=True)
class Glossary:
    """All terms, and what else translators agreed on."""

    terms: tuple[Term, ...]
    spelling: tuple[str, ...]
    """Kyrgyz words with ң, ө or ү."""
    same: frozenset[str]
    """Words that stay as they are, in small letters."""

    def terms_in(self, english: str) -> Iterator[Term]:
        """Yield the terms of an English text; of terms in one another the longest."""
        for match in self._pattern().finditer(english):
            word = re.sub(r"\s+", " ", match.group(1)).lower()
            yield self._by_word()[word]

    def _by_word(self) -> dict[str, Term]:
        return {word.lower(): term for term in self.terms for word in term.english}

    def _pattern(self) -> re.Pattern[str]:
        longest_first = sorted(self._by_word(), key=len, reverse=True)
        every = "|".join(
            re.escape(word).replace(r"\ ", r"\s+") for word in longest_first
        )
        return re.compile(rf"(?<![\w-])({every})(?:s|es)?(?![\w-])", re.IGNORECASE)


def words_of(text: str) -> list[str]:
    """Return the words of a text in small letters; a hyphen does not part them."""
    return re.findall(r"[^\W\d_]+(?:-[^\W\d_]+)*", text.lower())


def without_kyrgyz_letters(text: str) -> str:
    """Return the text as a Russian keyboard would have it."""
    return text.translate(_TYPED)


@cache
def glossary() -> Glossary:
    """Return the glossary that came with the program."""
    file = resources.files("kerege.portal") / "glossary.toml"
    return parse_glossary(file.read_text(encoding="utf-8"))


def parse_glossary(text: str) -> Glossary:
    """Return the glossary of a file's text.

    Raises:
        ValueError: it is no TOML.
        KeyError: a term lacks a field.
        TypeError: a field is no text or no list.
    """
    try:
        data = tomllib.loads(text)
    except RecursionError as error:
        raise ValueError("The glossary has values in values in values") from error
    terms = tuple(
        Term(
            english=tuple(term["en"]),
            words={language: term[language] for language in ("ky", "ru")},
            stems={
                language: tuple(
                    tuple(clean(stem).split()) for stem in term[f"{language}_stems"]
                )
                for language in ("ky", "ru")
            },
        )
        for term in data["terms"]
    )
    same = frozenset(word.lower() for word in data["same"]["words"])
    return Glossary(terms, tuple(data["spelling"]["words"]), same)
