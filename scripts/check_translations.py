"""Check the catalogues of texts: complete, one alphabet a word, the glossary's words.

Reads every `locale/*/LC_MESSAGES/django.po` below src, and the names in three languages
of the code lists (`codes/*.toml`). A Kyrgyz text is a draft until it
has the comment `# reviewed: NAME YYYY-MM-DD`.

Run by `make check`; exits with 1 and names file, line and text of each problem.
"""

import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

from kerege.portal.translations.catalogue import (
    CatalogueError,
    Message,
    read_catalogue,
)
from kerege.portal.translations.checks import is_draft, problems
from kerege.portal.translations.glossary import glossary

ROOT = Path(__file__).resolve().parent.parent
SHOWN = 60
"""Characters of a text that are shown: enough to find it."""


def main(root: Path = ROOT) -> int:
    """Check all catalogues."""
    found: list[str] = []
    drafts: dict[str, int] = {}
    for path in sorted((root / "src").glob("**/locale/*/LC_MESSAGES/django.po")):
        language = path.parent.parent.name
        name = path.relative_to(root)
        if language == "en":  # the sources' own language: a few plainer words
            continue
        try:
            messages = read_catalogue(path.read_text(encoding="utf-8"))
        except (CatalogueError, UnicodeDecodeError) as error:
            found.append(f"{name}: {error}")
            continue
        for message in messages:
            drafts[language] = drafts.get(language, 0) + is_draft(message)
            text = message.fields["msgid"].replace("\n", " ")[:SHOWN]
            found += [
                f"{name}:{message.line}: {text!r}: {problem}"
                for problem in problems(language, message, glossary())
            ]
    found += _of_code_lists(root)
    for problem in found:
        sys.stderr.write(problem + "\n")
    if drafts.get("ky"):
        sys.stdout.write(f"{drafts['ky']} Kyrgyz texts are drafts\n")
    return 1 if found else 0


def _of_code_lists(root: Path) -> list[str]:
    return [
        f"{path.relative_to(root)}: {message.source!r}: {problem}"
        for path in sorted((root / "src").glob("**/codes/*.toml"))
        for language in ("ky", "ru")
        for message in _names(tomllib.loads(path.read_text("utf-8")), language)
        for problem in problems(language, message, glossary())
    ]


def _names(value: object, language: str) -> Iterator[Message]:
    """Yield what is named in English and in the language, however deep."""
    if isinstance(value, dict):
        if "en" in value:
            translation = str(value.get(language, ""))
            yield Message(0, fields={"msgid": str(value["en"]), "msgstr": translation})
        for inner in value.values():
            yield from _names(inner, language)
    elif isinstance(value, list):
        for inner in value:
            yield from _names(inner, language)


if __name__ == "__main__":
    sys.exit(main())
