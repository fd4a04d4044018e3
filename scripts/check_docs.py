"""Check the documents: links lead somewhere, folders are ours, made pages are new.

And every test that a page names exists; every threat of the threat model names one.

Run by `make check`; exits with 1 and names each broken link.
"""

import ast
import re
import sys
from pathlib import Path

from kerege.cli import main as kerege
from kerege.cli.fault_reference import fault_reference
from kerege.cli.metrics_reference import metrics_reference
from kerege.cli.reference import command_reference
from kerege.cli.security_server.settings_file import reference as settings_reference

ROOT = Path(__file__).resolve().parent.parent
LINK = re.compile(r"(?<!\!)\[[^\]]*\]\(([^)\s]+)\)|!\[[^\]]*\]\(([^)\s]+)\)")
MADE = {
    "command-line.md": ("reference", lambda: command_reference(kerege)),
    "faults.md": ("reference faults", fault_reference),
    "metrics.md": ("reference metrics", metrics_reference),
    "settings.md": ("security-server settings reference", settings_reference),
}
"""Pages of the reference that the program makes, and the command for each."""
TEST = re.compile(r"`(tests/[\w/]+\.py)::(\w+)`")
THREAT = re.compile(
    r"^\|(?P<threat>[^|]+)\|(?P<kind> [STRIDE ]+)\|[^|]*\|(?P<test>[^|]*)\|$"
)
"""A row of the threat model: it has the letters of STRIDE in its second column."""
FOLDERS = {"tutorials", "how-to", "reference", "explanation", "adr", "images"}


def main() -> int:
    """Check every Markdown file that git knows or could know."""
    problems = [p for page in sorted(_pages()) for p in _broken_links(page)]
    problems += [p for page in sorted(_pages()) for p in _missing_tests(page)]
    docs = ROOT / "docs"
    problems += [
        f"{path.relative_to(ROOT)}: not in one of {sorted(FOLDERS)}"
        for path in docs.rglob("*.md")
        if path.relative_to(docs).parts[0] not in FOLDERS | {"README.md"}
    ]
    problems += [
        f"docs/reference/{name} is old, make it anew: "
        f"kerege {command} > docs/reference/{name}"
        for name, (command, make) in MADE.items()
        if (docs / "reference" / name).read_text(encoding="utf-8") != make()
    ]
    for problem in problems:
        sys.stderr.write(problem + "\n")
    return 1 if problems else 0


def _pages() -> list[Path]:
    return [
        *ROOT.glob("*.md"),
        *(ROOT / "docs").rglob("*.md"),
    ]


def _broken_links(page: Path) -> list[str]:
    text = re.sub(r"```.*?```", "", page.read_text(encoding="utf-8"), flags=re.DOTALL)
    targets = [a or b for a, b in LINK.findall(text)]
    return [
        f"{page.relative_to(ROOT)}: no such file: {target}"
        for target in targets
        if not re.match(r"[a-z]+:|#", target)
        and not (page.parent / target.split("#")[0]).exists()
    ]


def _missing_tests(page: Path) -> list[str]:
    text = page.read_text(encoding="utf-8")
    missing = [
        f"there is no test {file}::{name}"
        for file, name in TEST.findall(text)
        if name not in _tests_of(ROOT / file)
    ]
    rows = [found for line in text.splitlines() if (found := THREAT.match(line))]
    missing += [
        f"no test stands against the threat: {row['threat'].strip()}"
        for row in rows
        if not TEST.search(row["test"])
    ]
    if page.name == "threat-model.md" and not rows:
        missing.append("it has no threats")
    return [f"{page.relative_to(ROOT)}: {one}" for one in missing]


def _tests_of(file: Path) -> set[str]:
    if not file.is_file():
        return set()
    body = ast.parse(file.read_text(encoding="utf-8")).body
    functions = (ast.FunctionDef, ast.AsyncFunctionDef)
    return {one.name for one in body if isinstance(one, functions)}


if __name__ == "__main__":
    sys.exit(main())
