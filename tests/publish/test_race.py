"""Publishing from many places at once."""

from pathlib import Path

from experiments.race import race
from tests.support.clones import forced_pushes, git, origin_files, origin_text
from tests.support.publishable import make_record

RACERS = 20


def test_twenty_clones_that_publish_at_once_all_end_up_on_origin(tmp_path: Path) -> None:
    origin, codes = race(tmp_path, RACERS, lambda clone, run: clone.bench("publish", run).code)
    assert codes == [0] * RACERS
    names = [make_record(number).id for number in range(RACERS)]
    files = origin_files(origin)
    assert sorted(name for name in files if name.endswith("run.json")) == [f"reports/runs/{n}/run.json" for n in names]
    index = origin_text(origin, "reports/README.md")
    assert [line.split("](runs/")[1].split("/")[0] for line in index.splitlines() if line.startswith("| [2")] == names[
        ::-1
    ]
    assert names[-1] in origin_text(origin, "README.md")
    assert git(origin, "rev-list", "--count", "main") == str(RACERS + 1)
    assert forced_pushes(origin) == 0
