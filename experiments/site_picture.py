"""The picture of the site in the README: `make experiment NAME=site_picture` writes docs/pictures/site.png again.

It builds the site of the committed reports and takes what a Chromium shows of its first page.
"""

import sys
import tempfile
from pathlib import Path

from benchmark.report.render import judge_of
from benchmark.site.build import build
from experiments.generated import REPOSITORY
from tests.support.browser import chromium

PICTURE = REPOSITORY / "docs" / "pictures" / "site.png"
WIDTH, HEIGHT = 820, 800
SHARPER = 1.2  # its letters are read on screens of more pixels, too


def main() -> None:
    """Write the picture, and say how large it is."""
    reports = REPOSITORY / "reports"
    with tempfile.TemporaryDirectory() as folder, chromium() as browser:
        built = build(reports, Path(folder, "site"), judge_of(reports))
        page = browser.new_page(viewport={"width": WIDTH, "height": HEIGHT}, device_scale_factor=SHARPER)
        page.goto(built.index.as_uri(), wait_until="networkidle")
        PICTURE.parent.mkdir(exist_ok=True)
        page.screenshot(path=PICTURE)
    sys.stdout.write(f"{PICTURE.relative_to(REPOSITORY)}: {PICTURE.stat().st_size:,} bytes\n")


if __name__ == "__main__":
    main()
