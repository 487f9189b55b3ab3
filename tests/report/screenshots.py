"""What readers see: README, index and reports on GitHub, and the site; light and dark, on a phone and on a desk.

python -m tests.report.screenshots [here] [site] [history] [RUN_DIRECTORY]

Writes results/screenshots/*.png: of the pages of this repository, of its site, and of the pages and the site of a
history that was simulated, so that it has a regression, a suspicion, a recovery and a failed attempt. Without a word it
writes all of them, with a directory only the report there. GitHub's style sheet for Markdown (github-markdown-css, MIT)
is fetched with npm.
"""

import shutil
import subprocess
import sys
import tarfile
from pathlib import Path
from tempfile import TemporaryDirectory

from playwright.sync_api import Browser

from benchmark.report.render import render
from tests.support.browser import chromium, see_all, write_page
from tests.support.simulated import BROKEN, moment, write_year

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
    return found | ({"report": runs[-1]} if runs else {})


def history(folder: Path) -> dict[str, Path]:
    """Render the simulated history in a folder; the Markdown files that are looked at."""
    shutil.rmtree(folder, ignore_errors=True)
    reports, readme = write_year(folder)
    render(reports, readme, everything=True)
    broken = reports / "runs" / f"{moment(BROKEN)[:10]}-blog-500" / "report.md"
    return {f"history-{name}": page for name, page in (pages(folder) | {"incomplete": broken}).items()}


def shoot_site(browser: Browser, name: str, reports: Path) -> None:
    site = OUT / name
    subprocess.run([sys.executable, "-m", "scripts", "site", "--reports", reports, "--out", site], cwd=HOME, check=True)
    newest = max((site / "runs").glob("*/index.html"))
    found = {"overview": site / "index.html", "run": newest}
    found |= {page: site / f"{page}.html" for page in ("compare", "calculator")}
    for page, page_file in found.items():
        shoot(browser, f"{name}-{page}", page_file)


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
    """Write the pictures that the command line names, else all."""
    OUT.mkdir(parents=True, exist_ok=True)
    wanted = set(sys.argv[1:]) or {"here", "site", "history"}
    markdown = pages(HOME) if "here" in wanted else {}
    if "history" in wanted:
        markdown |= history(OUT / "history")
    for directory in wanted - {"here", "site", "history"}:
        markdown["report"] = Path(directory).resolve() / "report.md"
    css = style_sheet()
    with chromium() as browser:
        for name, page in markdown.items():
            shoot_markdown(browser, name, page, css)
        if "site" in wanted:
            shoot_site(browser, "site", HOME / "reports")
        if "history" in wanted:
            shoot_site(browser, "history-site", OUT / "history" / "reports")


if __name__ == "__main__":
    main()
