"""Records that nobody measured: real ones, changed at random, and published next to runs that must not suffer."""

import json
import shutil
from copy import deepcopy
from datetime import UTC, datetime, timedelta
from functools import cache, partial
from importlib import import_module
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from hypothesis import strategies as st

from benchmark.errors import BenchmarkError
from benchmark.fields import LARGEST
from benchmark.judge.history import judged
from benchmark.publish.untrusted import read_runs
from benchmark.record import Record
from benchmark.report.index import render_all
from benchmark.report.readme import BEGIN, END
from benchmark.slo import Evidence, Promise
from benchmark.store import FILE_NAME, place, to_json, without_timelines
from scripts.cli import branch
from scripts.publish import try_out_all
from tests.support.publishable import make_record
from tests.support.records import some_record

HONEST_RUNS = 6
FIRST = datetime(2026, 3, 2, 4, 47, tzinfo=UTC)
LONGEST_MESSAGE = 700
ROOT = Path(__file__).parents[2]

NUMBERS = (0, -0.0, -1, 1, 0.5, 5e-324, -1e-12, 1e-9, 1e15, 10**18, 1e18, 1e308, -1e308, 2**31, 2**63, 10**40)
TEXTS = ("", " ", "x", "x" * 300, "\u202e", "\x00", "\ud800", "a\nb", "<!-- benchmark:end -->", "| `x` |", "{{ x }}")
MOMENTS = ("2026-02-30T00:00:00Z", "0000-01-01T00:00:00Z", "9999-12-31T23:59:59Z", "2026-03-20T04:47:00Z")
ODD: tuple[Any, ...] = (None, True, False, [], {}, [[]], float("nan"), float("inf"))

values = st.one_of(
    st.sampled_from(NUMBERS),
    st.sampled_from(NUMBERS),
    st.floats(),
    st.integers(),
    st.sampled_from(TEXTS),
    st.sampled_from(MOMENTS),
    st.text(max_size=20),
    st.sampled_from(ODD),
)


@cache
def bases() -> dict[str, Record]:
    """What is changed, read once: a small run, one of a sweep, one with everything that a real run has."""
    real = Record.model_validate_json(max(ROOT.glob(f"reports/runs/*/{FILE_NAME}")).read_text(encoding="utf-8"))
    return {"small": make_record(), "sweep": _promised(), "real": real}


def _promised() -> Record:
    """A run of a sweep, of which something is promised."""
    record = some_record(sweep="sweep-1a2b")
    promises = (
        Promise(endpoint="pooled", metric="p95", limit=200),
        Promise(endpoint="pooled", metric="failures", limit=1),
    )
    low = Evidence(metric="p95", value=190, low=180, high=None, responses=900, independent=800)
    none = Evidence(metric="failures", value=0, low=0, high=0.4, responses=900, independent=900)
    results = (record.endpoints[0].model_copy(update={"slo": (low, none)}), *record.endpoints[1:])
    plan = record.plan.model_copy(update={"slo": promises})
    return record.model_copy(update={"plan": plan, "endpoints": results})


def at(record: Record, moment: datetime) -> dict[str, Any]:
    """The same run at another time, as what its file holds."""
    raw: dict[str, Any] = json.loads(to_json(record))
    started = f"{moment:%Y-%m-%dT%H:%M:%SZ}"
    return raw | {"id": f"{moment:%Y%m%dT%H%M%S}-fuzz", "started_at": started, "finished_at": started}


@st.composite
def changed(draw: st.DrawFn) -> tuple[str, dict[str, Any]]:
    """A run, by the name of what it was, with up to three changes anywhere in it."""
    name = draw(st.sampled_from(("small", "small", "sweep", "sweep", "real")))
    week = draw(st.integers(0, HONEST_RUNS))
    raw = at(bases()[name], FIRST + timedelta(weeks=week, days=1))
    for _ in range(draw(st.integers(1, 3))):
        _change(draw, raw)
    return name, raw


def _change(draw: st.DrawFn, raw: dict[str, Any]) -> None:
    """Walk down to some place, and change what stands there."""
    parent: Any = raw
    while True:
        keys = list(parent) if isinstance(parent, dict) else list(range(len(parent)))
        key = draw(st.sampled_from(keys))
        inner = parent[key]
        if not (isinstance(inner, dict | list) and inner and draw(st.integers(0, 9))):
            break
        parent = inner
    like = _like(inner) if draw(st.integers(0, 9)) else values
    how = draw(st.sampled_from(("replace", "replace", "replace", "scale", "remove", "double", "all")))
    number = isinstance(inner, int | float) and not isinstance(inner, bool)
    if how == "remove" and isinstance(parent, list):
        del parent[key]
    elif how == "double" and isinstance(parent, list):
        parent.append(deepcopy(inner))
    elif how == "scale" and number:
        scaled = inner * draw(st.sampled_from((0.0, -1.0, 1e-6, 1e-12, 1e6, 1e12, 1e300)))
        parent[key] = int(scaled) if isinstance(inner, int) and abs(scaled) < LARGEST else scaled
    elif how == "all" and number:
        value = draw(like)
        for other in list(parent) if isinstance(parent, dict) else range(len(parent)):
            if type(parent[other]) is type(inner):
                parent[other] = value
    else:
        parent[key] = draw(like)


def _like(value: Any) -> st.SearchStrategy[Any]:
    """Values of the same kind, as they might pass."""
    if isinstance(value, bool):
        return st.booleans()
    if isinstance(value, int):
        return st.integers(0, 3) | st.integers(0, 10**6) | st.sampled_from((10**15, 10**18))
    if isinstance(value, float):
        return st.floats(0, LARGEST, allow_subnormal=False) | st.sampled_from((0.0, 1e-9, 0.001, 1.0, 1e15, 1e18))
    if isinstance(value, str):
        return st.sampled_from(TEXTS) | st.text(max_size=20)
    return st.none() if value is None else st.just(deepcopy(value))


def _without_pictures(record: Record) -> Record:
    """The same run with nothing to draw but trends: pictures take many times as long as all else."""
    results = (result.model_copy(update={"limit": None}) for result in without_timelines(record).endpoints)
    return record.model_copy(update={"endpoints": tuple(results)})


class World:
    """A reports directory with runs that somebody measured, rendered once."""

    def __init__(self, folder: Path, record: Record) -> None:
        self.folder = folder
        folder.mkdir()
        (folder / "README.md").write_text(f"{BEGIN}\n{END}\n", encoding="utf-8")
        self.honest = [
            Record.model_validate(at(record, FIRST + timedelta(weeks=week)) | {"id": f"honest-{week}"})
            for week in range(HONEST_RUNS)
        ]
        for run in self.honest:
            place(_without_pictures(run), folder / "reports")
        render_all(folder / "reports", folder / "README.md", partial(judged, config=None))

    def survives(self, raw: dict[str, Any]) -> bool:
        """Publish a run as `bench publish` does; gives whether it was accepted. AssertionError: something broke."""
        with TemporaryDirectory(dir=self.folder.parent) as scratch:
            artifact = Path(scratch, "artifact")
            artifact.mkdir()
            (artifact / FILE_NAME).write_text(json.dumps(raw), encoding="utf-8")
            try:
                found = read_runs(artifact, try_out_all).records
            except BenchmarkError as error:
                said = str(error)
            else:
                said = ""
            assert len(said.splitlines()) <= 1
            assert len(said) < LONGEST_MESSAGE
            if said or not found:  # of one that is still "running" nothing is published
                return False
            shutil.copytree(self.folder, Path(scratch, "world"))
            self._publish(found[0], Path(scratch, "world"))
        return True

    def _publish(self, record: Record, here: Path) -> None:
        place(record, here / "reports")
        judge = partial(judged, config=None)
        for everything in (False, True):
            history = render_all(here / "reports", here / "README.md", judge, everything=everything)
            assert history.unreadable == ()
            assert {run.id for run in (*self.honest, record)} == {run.id for run in history.records}
        if site := branch("site"):
            assert site.try_build(here / "reports", here / "site", judge) == ()
        if branch("watch"):
            list(import_module("benchmark.github.issues").steps(judged(history.records, None), [], "reports"))
        index = (here / "reports" / "README.md").read_text(encoding="utf-8")
        for run in (*self.honest, record):
            assert f"(runs/{run.id}/report.md)" in index
            assert (here / "reports" / "runs" / run.id / "report.md").exists()
            assert not site or (here / "site" / "runs" / run.id / "index.html").exists()
        readme = (here / "README.md").read_text(encoding="utf-8")
        assert (readme.count(BEGIN), readme.count(END)) == (1, 1)
