"""Made-up names, as many as a country has, and the mistakes that people make in them.

The names are put together from syllables and from parts of Kyrgyz names; nobody is
meant. All is drawn from a seed.
"""

import random

FIRST = [
    "Ай",
    "Нур",
    "Бек",
    "Мээрим",
    "Жаны",
    "Кан",
    "Тал",
    "Туру",
    "Эсен",
    "Асан",
    "Мамат",
    "Абды",
    "Токто",
    "Султан",
    "Мырза",
    "Кара",
    "Ак",
    "Алты",
    "Жума",
    "Бай",
    "Темир",
    "Таш",
    "Кубан",
    "Орозо",
    "Сагын",
    "Чын",
    "Өмүр",
    "Үсөн",
    "Жээн",
    "Ыса",
    "Кыдыр",
    "Төлө",
    "Сүйүн",
    "Бакыт",
    "Мурат",
    "Ысма",
    "Кожо",
    "Шер",
    "Дөөлөт",
    "Жолдо",
]
LAST = [
    "бек",
    "гүл",
    "бай",
    "аалы",
    "кул",
    "гыз",
    "мат",
    "хан",
    "жан",
    "кан",
    "нур",
    "булат",
    "ай",
    "бүбү",
    "тай",
    "гелди",
    "берди",
    "кадыр",
    "дин",
    "султан",
    "таш",
    "темир",
    "ша",
    "гер",
    "бала",
    "рахман",
    "раза",
    "мырза",
]
ENDINGS = ("", "", "ов", "ова", "ев", "ева")
VOWELS = "аоуыиэеөү"
CONSONANTS = "бгджзклмнпрстчшй"
CONFUSED = dict(zip("өүңыэоауинжкхбпдт", "онныеауыинчхкпбтд", strict=True))
"""What is heard or written for a letter."""


def country_names(count: int, seed: int) -> list[str]:
    """Return so many different names, sorted."""
    chance = random.Random(seed)
    names: set[str] = set()
    while len(names) < count:
        names.add(_name(chance).capitalize())
    return sorted(names)


def _name(chance: random.Random) -> str:
    kind, ending = chance.random(), chance.choice(ENDINGS)
    if kind < 0.05:
        return chance.choice(FIRST) + chance.choice(LAST) + ending
    if kind < 0.5:
        return chance.choice(FIRST) + _syllable(chance) + _syllable(chance) + ending
    return _syllable(chance) + _syllable(chance) + chance.choice(LAST) + ending


def _syllable(chance: random.Random) -> str:
    closing = chance.choice(["", "", "р", "н", "л", "м", "к", "ш", "т"])
    return chance.choice(CONSONANTS) + chance.choice(VOWELS) + closing


def misspelled(name: str, chance: random.Random) -> str:
    """Return the name with one mistake after its first letter."""
    letters = list(name)
    at = chance.randrange(1, len(letters))
    kind = chance.randrange(5)
    if kind == 0:
        letters[at] = CONFUSED.get(letters[at], chance.choice(VOWELS))
    elif kind == 1:
        letters[at] = chance.choice(VOWELS + CONSONANTS)
    elif kind == 2:
        del letters[at]
    elif kind == 3:
        letters.insert(at, chance.choice(VOWELS + CONSONANTS))
    elif at + 1 < len(letters):
        letters[at], letters[at + 1] = letters[at + 1], letters[at]
    return "".join(letters)
