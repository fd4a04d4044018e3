"""Words written in two alphabets at once, and what was probably meant.

A person sees no difference between а and a, a register does: one name becomes two. A
word is *mixed* when it has letters of more than one of: Cyrillic, Latin, Greek. Letters
that look like one of another alphabet decide nothing; the others are *certain*, and say
which alphabet was meant. Where certain letters of two alphabets meet nothing can be
proposed, and a person must look.

Also told: letters that stand for Ө, Ү, Ң because a keyboard lacked them (Ɵ, Θ, Ѳ, Ҥ,
Ӊ, γ), and digits inside a Cyrillic word that stand for О, З and Ч.
"""

import re
import unicodedata
from dataclasses import dataclass
from enum import Enum

from .alphabet import LETTERS

MAX_TEXT_CHARS = 20_000
"""Longer than any page of a catalogue or a note on a card; the rest is not read."""

_SAME = "aа cс eе iі kк oо pр xх yу AА BВ CС EЕ HН IІ KК MМ OО PР TТ XХ YҮ"
"""Letters that nobody can tell apart by looking, Latin and Cyrillic."""
_SIMILAR = "bв hн mм tт"
"""Small letters that only their capitals make alike: typed for each other, but seen."""
_LATIN_TO_CYRILLIC = {pair[0]: pair[1] for pair in f"{_SAME} {_SIMILAR}".split()}
_CYRILLIC_TO_LATIN = {
    **{cyrillic: latin for latin, cyrillic in _LATIN_TO_CYRILLIC.items()},
    **dict(zip("УүЅѕЈј", "YySsJj", strict=True)),
}
_SEEN = frozenset(_SIMILAR) - {" "}
_DISGUISES = frozenset(_SAME) - {" ", "i", "I"}
_GREEK = dict(
    zip("αεηικνορτυχΑΒΕΖΗΙΚΜΝΟΡΤΥΧ", "aenikvoptuxABEZHIKMNOPTYX", strict=True)
)
_STAND_INS = {
    "ɵ": "ө",
    "Ɵ": "Ө",
    "θ": "ө",
    "Θ": "Ө",
    "ϴ": "Ө",
    "ѳ": "ө",
    "Ѳ": "Ө",
    "ӫ": "ө",
    "Ӫ": "Ө",
    "ҥ": "ң",
    "Ҥ": "Ң",
    "ӊ": "ң",
    "Ӊ": "Ң",
    "ӈ": "ң",
    "Ӈ": "Ң",
    "γ": "ү",
    "ұ": "ү",
    "Ұ": "Ү",
}
"""What was typed for a Kyrgyz letter, and the letter."""

_DIGITS = {"0": "о", "3": "з", "4": "ч"}
_WORD = re.compile(r"[^\W_]+(?:['ʼ’-][^\W_]+)*")
_INNER_DIGIT = re.compile(r"(?<=[^\W\d_])[034](?=[^\W\d_])")
_NOT_KYRGYZ_I = {"і": "и", "І": "И", "i": "и", "I": "И"}
"""І is no letter of Kyrgyz or Russian: where it stands among theirs, И was meant."""


class Alphabet(Enum):
    """The alphabet of a letter or a word."""

    CYRILLIC = "cyrillic"
    LATIN = "latin"
    GREEK = "greek"
    OTHER = "other"


@dataclass(frozen=True, slots=True)
class MixedWord:
    """One word that is not written in one alphabet."""

    start: int
    """Where it begins in the text, in characters."""
    word: str
    proposal: str | None
    """The same word in one alphabet; None if a person must decide."""
    letters: str
    """The letters that do not belong, in their order."""


def alphabet_of(letter: str) -> Alphabet:
    """Return the alphabet of one letter."""
    if "a" <= letter <= "z" or "A" <= letter <= "Z":
        return Alphabet.LATIN
    if "\u0400" <= letter <= "\u052f":
        return Alphabet.CYRILLIC
    if "\u0370" <= letter <= "\u03ff":
        return Alphabet.GREEK
    name = unicodedata.name(letter, "") if letter.isalpha() else ""
    return Alphabet.LATIN if name.startswith("LATIN ") else Alphabet.OTHER


def mixed_words(text: str) -> tuple[MixedWord, ...]:
    """Find the words of a text that are written in more than one alphabet.

    Never raises; reads the first `MAX_TEXT_CHARS` characters.
    """
    found = (_mixed(match) for match in _WORD.finditer(text[:MAX_TEXT_CHARS]))
    return tuple(word for word in found if word is not None)


def repaired(text: str) -> str:
    """Return the text with each mixed word in its probable alphabet."""
    parts, end = [], 0
    for mixed in mixed_words(text):
        parts += [text[end : mixed.start], mixed.proposal or mixed.word]
        end = mixed.start + len(mixed.word)
    return "".join([*parts, text[end:]])


def unmasked(word: str) -> str | None:
    """Return the Cyrillic word that a Latin one could be in disguise (`c`, `CAPA`).

    None where a letter of the word does not look like a Cyrillic one.
    """
    letters = [c for c in word if c.isalpha()]
    if not letters or not all(c in _DISGUISES for c in letters):
        return None
    return "".join(_in_alphabet(c, Alphabet.CYRILLIC) for c in word)


def _mixed(match: re.Match[str]) -> MixedWord | None:
    word = match.group()
    if word.isascii():
        return None
    if not _is_suspicious(word):
        return None
    meant = _meant(word)
    if meant is None:
        return MixedWord(match.start(), word, None, _minority(word))
    proposal = "".join(_in_alphabet(c, meant) for c in word)
    if meant is Alphabet.CYRILLIC:
        proposal = _INNER_DIGIT.sub(lambda m: _DIGITS[m.group()], proposal)
    strange = "".join(
        old for old, new in zip(word, proposal, strict=True) if old != new
    )
    whole = all(alphabet_of(c) in (meant, Alphabet.OTHER) for c in proposal)
    return MixedWord(match.start(), word, proposal if whole else None, strange)


def _is_suspicious(word: str) -> bool:
    alphabets = {alphabet_of(c) for c in word if c.isalpha() and c not in _STAND_INS}
    if len(alphabets - {Alphabet.OTHER}) > 1:
        return True
    if alphabets != {Alphabet.CYRILLIC}:
        return False
    stands_in = any(c in _STAND_INS for c in word)
    return stands_in or bool(_INNER_DIGIT.search(word)) or _is_kyrgyz_with_i(word)


def _is_kyrgyz_with_i(word: str) -> bool:
    """Tell whether І is the only letter of the word that Kyrgyz does not have."""
    letters = {c for c in word.lower() if c.isalpha()}
    return "і" in letters and letters - {"і"} <= set(LETTERS) and letters != {"і"}


def _certainty(letter: str, alphabet: Alphabet) -> int:
    """Return 0 for a letter that could be of another alphabet, 1 if not quite, else 2."""
    alike = {
        Alphabet.LATIN: _LATIN_TO_CYRILLIC,
        Alphabet.CYRILLIC: _CYRILLIC_TO_LATIN,
        Alphabet.GREEK: _GREEK,
    }[alphabet]
    if letter not in alike:
        return 2
    return 1 if letter in _SEEN else 0


def _meant(word: str) -> Alphabet | None:
    """Return the alphabet that was meant: certain letters first, then the majority."""
    certainties: dict[Alphabet, list[int]] = {}
    for letter in word:
        if letter in _STAND_INS:
            certainties.setdefault(Alphabet.CYRILLIC, []).append(2)
        elif letter.isalpha() and (kind := alphabet_of(letter)) is not Alphabet.OTHER:
            certainties.setdefault(kind, []).append(_certainty(letter, kind))
    for level in (2, 1):
        certain = [kind for kind, found in certainties.items() if level in found]
        if len(certain) == 1:
            return certain[0]
        if certain and level == 2:
            return None
    latin = len(certainties.get(Alphabet.LATIN, []))
    cyrillic = len(certainties.get(Alphabet.CYRILLIC, []))
    return Alphabet.LATIN if latin > cyrillic else Alphabet.CYRILLIC


def _minority(word: str) -> str:
    latin = [c for c in word if alphabet_of(c) is Alphabet.LATIN]
    others = [c for c in word if c.isalpha() and alphabet_of(c) is not Alphabet.LATIN]
    return "".join(latin if len(latin) < len(others) else others)


def _in_alphabet(letter: str, meant: Alphabet) -> str:
    if meant is Alphabet.LATIN:
        letter = _GREEK.get(letter, letter)
        return _CYRILLIC_TO_LATIN.get(letter, letter)
    if meant is Alphabet.GREEK:
        return letter
    if letter in _STAND_INS:
        return _STAND_INS[letter]
    if letter in _NOT_KYRGYZ_I:
        return _NOT_KYRGYZ_I[letter]
    letter = _GREEK.get(letter, letter)
    return _LATIN_TO_CYRILLIC.get(letter, letter)
