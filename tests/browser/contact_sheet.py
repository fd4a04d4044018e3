"""One picture of all pages per language, to be looked at."""

from html import escape
from pathlib import Path

from playwright.sync_api import Browser

STYLE = """
body { margin: 16px; font: 14px sans-serif; background: #ddd }
main { display: flex; flex-wrap: wrap; gap: 16px; align-items: flex-start }
figure { margin: 0; padding: 8px; background: #fff }
.phone img { width: 240px } .desktop img { width: 480px }
img { max-height: 1100px; object-fit: cover; object-position: top; display: block }
"""


def make_sheets(browser: Browser, pictures: Path) -> list[Path]:
    """Write ``LANGUAGE.html`` and ``LANGUAGE.png`` beside each language's pictures."""
    return [
        _sheet(browser, folder)
        for folder in sorted(pictures.iterdir())
        if folder.is_dir()
    ]


def _sheet(browser: Browser, folder: Path) -> Path:
    figures = "".join(_figure(path) for path in sorted(folder.glob("*.png")))
    page = folder.with_suffix(".html")
    page.write_text(
        f"<!doctype html><meta charset=utf-8><title>{folder.name}</title>"
        f"<style>{STYLE}</style><h1>{folder.name}</h1><main>{figures}</main>",
        encoding="utf-8",
    )
    tab = browser.new_page(viewport={"width": 1600, "height": 900})
    tab.goto(page.as_uri())
    picture = folder.with_suffix(".png")
    tab.screenshot(path=picture, full_page=True)
    tab.close()
    return picture


def _figure(path: Path) -> str:
    name, _, width = path.stem.rpartition("-")
    kind = "phone" if int(width) < 600 else "desktop"
    source = f"{path.parent.name}/{path.name}"
    return (
        f'<figure class="{kind}"><figcaption>{escape(name)} {width}</figcaption>'
        f'<img src="{escape(source)}"></figure>'
    )
