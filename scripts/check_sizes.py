"""Check the size of what must be read: files under 400 lines, functions under 40.

Run by `make check`; exits with 1 and names each one that is longer.
"""

import ast
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
MAX_FILE_LINES = 400
MAX_FUNCTION_LINES = 40
"""Code lines: the docstring does not count, it is what makes a function readable."""


def main() -> int:
    """Check all of src."""
    paths = (
        path
        for path in sorted((ROOT / "src").rglob("*.py"))
        if path.parent.name != "migrations"  # written by Django, read by nobody
    )
    problems = [problem for path in paths for problem in _long(path)]
    for problem in problems:
        sys.stderr.write(problem + "\n")
    return 1 if problems else 0


def _long(path: Path) -> list[str]:
    text = path.read_text(encoding="utf-8")
    name = path.relative_to(ROOT)
    lines = text.count("\n")
    problems = [f"{name}: {lines} lines"] if lines > MAX_FILE_LINES else []
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            length = _code_lines(node)
            if length > MAX_FUNCTION_LINES:
                problems.append(f"{name}:{node.lineno}: {node.name} has {length} lines")
    return problems


def _code_lines(node: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    first = node.body[0]
    has_docstring = ast.get_docstring(node) is not None
    docstring = (first.end_lineno or first.lineno) - first.lineno + 1
    total = (node.end_lineno or node.lineno) - node.lineno + 1
    return total - docstring if has_docstring else total


if __name__ == "__main__":
    sys.exit(main())
