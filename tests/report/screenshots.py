"""What readers see: README, index and newest report on GitHub, and the site; light and dark, on a phone and on a desk.

python -m tests.report.screenshots [RUN_DIRECTORY]

Writes results/screenshots/*.png. GitHub's style sheet for Markdown (github-markdown-css, MIT) is fetched with npm.
"""

import shutil
import subprocess
import sys
import tarfile
from pathlib import Path
from tempfile import TemporaryDirectory

from playwright.sync_api import Browser

from tests.support.browser import chromium, see_all, write_page

HOME = Path(__file__).parents[2]
OUT = HOME / "results" / "screenshots"
STYLE_SHEET = "github-markdown-css@5.9.0"
WIDTHS = {"phone": 390, "desktop": 1280}


def style_sheet() -> str:
    """GitHub's style sheet, fetched once."""
    kept = OUT / f"{STYLE_SHEET}.css"
    if not kept.exists():
        npm = shutil.which("npm")
        if npm is None:
            sys.exit(f"npm is needed once to fetch {STYLE_SHEET}; it comes with Node.js")
        with TemporaryDirectory() as scratch:
            subprocess.run([npm, "pack", "--silent", STYLE_SHEET], cwd=scratch, check=True, stdout=subprocess.DEVNULL)
            with tarfile.open(next(Path(scratch).glob("*.tgz"))) as archive:
                content = archive.extractfile("package/github-markdown.css")
                if content is None:
                    sys.exit(f"{STYLE_SHEET} holds no github-markdown.css any more")
                kept.write_bytes(content.read())
    return kept.read_text(encoding="utf-8")


def pages(home: Path) -> dict[str, Path]:
    """The Markdown files that are looked at."""
    runs = sorted((home / "reports" / "runs").glob("*/report.md"))
    found = {"readme": home / "README.md", "index": home / "reports" / "README.md"}
    if len(sys.argv) > 1:
        return {"report": Path(sys.argv[1]).resolve() / "report.md"}
    return found | ({"report": runs[-1]} if runs else {})


def shoot_markdown(browser: Browser, name: str, markdown: Path, css: str) -> None:
    """Pictures of a Markdown file as GitHub shows it."""
    page_file = markdown.with_name(f".{markdown.stem}.screenshot.html")
    try:
        write_page(markdown, page_file, css)
        shoot(browser, name, page_file)
    finally:
        page_file.unlink(missing_ok=True)


def shoot(browser: Browser, name: str, page_file: Path) -> None:
    """Four pictures of one page, everything unfolded and drawn."""
    for scheme in ("light", "dark"):
        for device, width in WIDTHS.items():
            page = browser.new_page(viewport={"width": width, "height": 800}, color_scheme=scheme)
            page.goto(page_file.as_uri())
            see_all(page)
            file = OUT / f"{name}-{device}-{scheme}.png"
            page.screenshot(path=file, full_page=True)
            page.close()
            sys.stdout.write(f"{file.relative_to(HOME)}\n")


def main() -> None:
    """Write all pictures."""
    OUT.mkdir(parents=True, exist_ok=True)
    css = style_sheet()
    with chromium() as browser:
        for name, markdown in pages(HOME).items():
            shoot_markdown(browser, name, markdown, css)
        if len(sys.argv) == 1:
            site = OUT / "site"
            subprocess.run([sys.executable, "-m", "scripts", "site", "--out", site], cwd=HOME, check=True)
            newest = max((site / "runs").glob("*/index.html"))
            found = {"overview": site / "index.html", "run": newest}
            found |= {name: site / f"{name}.html" for name in ("compare", "calculator")}
            for name, page_file in found.items():
                shoot(browser, f"site-{name}", page_file)


if __name__ == "__main__":
    main()
