"""What is wrong with a translation, one check a function.

Each takes the language, the message and the glossary and yields sentences that say what
is wrong and what to do. `problems` runs them all.
"""

import re
from collections.abc import Callable, Iterable, Iterator

from kerege.apps.aimak.names.alphabet import LETTERS
from kerege.apps.aimak.names.lookalikes import (
    Alphabet,
    alphabet_of,
    mixed_words,
    unmasked,
)
from kerege.portal.translations.catalogue import Message
from kerege.portal.translations.glossary import (
    KYRGYZ_ONLY,
    Glossary,
    without_kyrgyz_letters,
    words_of,
)

Check = Callable[[str, Message, Glossary], Iterator[str]]

RUSSIAN = set(LETTERS) - set(KYRGYZ_ONLY)
ALPHABETS = {"ky": set(LETTERS), "ru": RUSSIAN}
DRAFT = "draft"
_REVIEWED = re.compile(r"reviewed: \S.* \d{4}-\d{2}-\d{2}$")
_PLACEHOLDER = re.compile(r"%\(\w+\)[sd]|%[sd]|\{\w*\}|</?\w+")
_WORD = re.compile(r"[^\W\d_]+(?:[-.][^\W\d_]+)*")


def problems(language: str, message: Message, glossary: Glossary) -> list[str]:
    """Return what is wrong with one message."""
    if untranslated := list(_untranslated(message)):
        return untranslated
    return [found for check in CHECKS for found in check(language, message, glossary)]


def is_draft(message: Message) -> bool:
    """Tell whether nobody who knows the language has read the translation yet."""
    return not any(_REVIEWED.match(comment) for comment in message.comments)


def _untranslated(message: Message) -> Iterator[str]:
    if not message.translations or not all(t.strip() for t in message.translations):
        yield "is not translated"
    elif "fuzzy" in message.flags:
        yield "was guessed by gettext: read it, then take the flag fuzzy off"


def _copied(language: str, message: Message, glossary: Glossary) -> Iterator[str]:
    del language
    for text in message.translations:
        words = [w.lower() for w in _WORD.findall(_without_placeholders(text))]
        foreign = [w for w in words if w not in glossary.same and len(w) > 3]
        is_english = bool(foreign) and not any(
            alphabet_of(c) is Alphabet.CYRILLIC for c in text
        )
        if is_english and any(w in message.source.lower() for w in foreign):
            yield "is the English text, not a translation"


def _mixed(language: str, message: Message, glossary: Glossary) -> Iterator[str]:
    del language, glossary
    for text in message.translations:
        for word in mixed_words(_without_placeholders(text)):
            meant = f"write {word.proposal!r}" if word.proposal else "look at it"
            yield f"{word.word!r} mixes alphabets ({word.letters}): {meant}"


def _disguised(language: str, message: Message, glossary: Glossary) -> Iterator[str]:
    """Find Latin words among Cyrillic ones that look like Cyrillic: `c`, `a`, `CCP`."""
    del language
    allowed = set(_WORD.findall(message.source)) | {w.upper() for w in glossary.same}
    for text in message.translations:
        plain = _without_placeholders(text)
        if not any(alphabet_of(c) is Alphabet.CYRILLIC for c in plain):
            continue
        for word in _WORD.findall(plain):
            if word not in allowed and word.isascii() and unmasked(word):
                yield f"{word!r} is written in Latin letters: write {unmasked(word)!r}"


def _foreign(language: str, message: Message, glossary: Glossary) -> Iterator[str]:
    """Find Cyrillic letters that the language does not have."""
    del glossary
    for text in message.translations:
        strange = {
            c
            for c in text.lower()
            if alphabet_of(c) is Alphabet.CYRILLIC and c not in ALPHABETS[language]
        }
        if strange:
            yield f"has letters that the language does not have: {sorted(strange)}"


def _spelling(language: str, message: Message, glossary: Glossary) -> Iterator[str]:
    """Find Kyrgyz words that lack ң, ө or ү."""
    if language != "ky":
        return
    wrong = {without_kyrgyz_letters(word): word for word in glossary.spelling}
    for text in message.translations:
        for word in words_of(text):
            for typed, right in wrong.items():
                if word.startswith(typed) and not word.startswith(right):
                    yield f"{word!r} lacks a Kyrgyz letter: write {right!r}"


def _terms(language: str, message: Message, glossary: Glossary) -> Iterator[str]:
    terms = {term.english: term for term in glossary.terms_in(message.source)}
    for term in terms.values():
        if not all(term.is_in(language, text) for text in message.translations):
            yield f"{term.english[0]!r} is {term.words[language]!r} in the glossary"


def _placeholders(language: str, message: Message, glossary: Glossary) -> Iterator[str]:
    del language, glossary
    sources = message.source.split("\n") if len(message.translations) > 1 else []
    allowed = {frozenset(_PLACEHOLDER.findall(s)) for s in [*sources, message.source]}
    for text in message.translations:
        has = frozenset(_PLACEHOLDER.findall(text))
        if has not in allowed:
            wanted = frozenset(_PLACEHOLDER.findall(message.source))
            differing = sorted(has.symmetric_difference(wanted))
            yield f"placeholders or tags differ: {', '.join(differing)}"


def _marks(language: str, message: Message, glossary: Glossary) -> Iterator[str]:
    """Find marks that say nothing: `# draft` or `# reviewed: NAME DATE` is meant."""
    del language, glossary
    for comment in message.comments:
        if comment.startswith("reviewed") and not _REVIEWED.match(comment):
            yield "write the mark as '# reviewed: NAME YYYY-MM-DD'"


CHECKS: Iterable[Check] = (
    _copied,
    _mixed,
    _disguised,
    _foreign,
    _spelling,
    _terms,
    _placeholders,
    _marks,
)


def _without_placeholders(text: str) -> str:
    return re.sub(r"%\(\w+\)[sd]|%[sd]|\{\w*\}|<[^>]*>|https?://\S+", " ", text)
