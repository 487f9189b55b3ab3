"""How long the site takes to build and to open with 500 runs in it. `make experiment NAME=site_budget` prints it.

Pages are opened in a Chromium with an empty cache, as it is and with a processor that is slowed down four times, which
is how Lighthouse stands in for a phone. Usable: the list of runs has answered to a filter.
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


def loaded_bytes(browser: Browser, page_file: Path) -> int:
    """Bytes of a page and all that it loads."""
    page = browser.new_page()
    files = set[Path]()
    page.on("request", lambda request: files.add(Path(unquote(urlsplit(request.url).path))))
    page.goto(page_file.as_uri(), wait_until="networkidle")
    page.close()
    return sum(file.stat().st_size for file in files if file.is_file())


def usable_ms(browser: Browser, page_file: Path, slowed: int) -> float:
    """Milliseconds from opening the list of runs to its having answered to a filter."""
    context = browser.new_context()
    page = context.new_page()
    context.new_cdp_session(page).send("Emulation.setCPUThrottlingRate", {"rate": slowed})
    page.goto(page_file.as_uri(), wait_until="commit")
    found = float(page.evaluate(USABLE))
    context.close()
    return found


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
        loaded, list_file = loaded_bytes(browser, built.index), built.index.with_name("runs.html")
        whole = sum(path.stat().st_size for path in (home / "site").rglob("*") if path.is_file())
        times = {slowed: median(usable_ms(browser, list_file, slowed) for _ in range(TRIES)) for slowed in (1, 4)}
    environment = read_environment(REPOSITORY)
    sys.stdout.write(
        f"| {number} runs | |\n| :-- | --: |\n"
        f"| built in | {took_s:.0f} s |\n"
        f"| first page with all that it loads | {loaded / 1e6:.2f} MB |\n"
        f"| whole site | {whole / 1e6:.0f} MB |\n"
        f"| list usable after | {times[1]:.0f} ms |\n"
        f"| list usable after, processor four times slower | {times[4]:.0f} ms |\n\n"
        f"{utc_now()[:10]}, {environment.cpu.model}, {environment.cpu.count} cores: "
        f"`make experiment NAME=site_budget`\n"
    )


if __name__ == "__main__":
    main()
