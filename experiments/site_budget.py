"""How long the site takes to build and to open with 500 runs in it. `make experiment NAME=site_budget` prints it.

The overview is opened in a Chromium with an empty cache, as it is and with a processor that is slowed down four times,
which is how Lighthouse stands in for a phone. Usable: the list has answered to a filter.
"""

import sys
import tempfile
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from statistics import median
from urllib.parse import unquote, urlsplit

from playwright.sync_api import Browser

from benchmark.measure.machine import read_environment
from benchmark.measure.round import utc_now
from benchmark.report.render import judge_of, render
from benchmark.site.build import build
from experiments.generated import REPOSITORY, runs, write
from tests.support.browser import chromium

RUNS = 500
TRIES = 5
FIRST = datetime(2025, 1, 1, tzinfo=UTC)
USABLE = """() => new Promise(done => {
  const ask = () => {
    const box = document.querySelector('[name=usable]');
    if (!box || box.closest('form').hidden) return setTimeout(ask, 5);
    box.click();
    requestAnimationFrame(() => setTimeout(() => done(performance.now()), 0));
  };
  ask();
})"""


def opened(browser: Browser, page_file: Path, slowed: int) -> tuple[float, int]:
    """Milliseconds from opening the overview to its having answered to a filter, and bytes of all that it loaded."""
    context = browser.new_context()
    page = context.new_page()
    files = set[Path]()
    page.on("request", lambda request: files.add(Path(unquote(urlsplit(request.url).path))))
    context.new_cdp_session(page).send("Emulation.setCPUThrottlingRate", {"rate": slowed})
    page.goto(page_file.as_uri(), wait_until="commit")
    usable_ms = float(page.evaluate(USABLE))
    page.wait_for_load_state("networkidle")
    context.close()
    return usable_ms, sum(file.stat().st_size for file in files if file.is_file())


def main() -> None:
    """Print a table."""
    number = int(sys.argv[1]) if len(sys.argv) > 1 else RUNS
    with tempfile.TemporaryDirectory() as folder, chromium() as browser:
        home = Path(folder)
        for run in runs(number, FIRST, timedelta(days=1)):
            write(run, home / "reports" / "runs")
        render(home / "reports", home / "no README", everything=True)
        began_s = time.perf_counter()
        built = build(home / "reports", home / "site", judge_of(home / "reports"))
        took_s = time.perf_counter() - began_s
        loaded = opened(browser, built.index, 1)[1]
        whole = sum(path.stat().st_size for path in (home / "site").rglob("*") if path.is_file())
        times = {slowed: median(opened(browser, built.index, slowed)[0] for _ in range(TRIES)) for slowed in (1, 4)}
    environment = read_environment(REPOSITORY)
    sys.stdout.write(
        f"| {number} runs | |\n| :-- | --: |\n"
        f"| built in | {took_s:.0f} s |\n"
        f"| first page with all that it loads | {loaded / 1e6:.2f} MB |\n"
        f"| whole site | {whole / 1e6:.0f} MB |\n"
        f"| usable after | {times[1]:.0f} ms |\n"
        f"| usable after, processor four times slower | {times[4]:.0f} ms |\n\n"
        f"{utc_now()[:10]}, {environment.cpu.model}, {environment.cpu.count} cores: "
        f"`make experiment NAME=site_budget`\n"
    )


if __name__ == "__main__":
    main()
