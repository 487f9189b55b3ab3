"""Inputs that are wrong somewhere, or right: a benchmark.toml, flags and an environment; and what becomes of them."""

import os
import signal
import traceback
from collections.abc import Iterator, Mapping
from contextlib import chdir, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType
from typing import Any

from hypothesis import strategies as st
from pydantic import BaseModel
from pydantic.aliases import AliasChoices
from typer.testing import CliRunner

from benchmark.config import Accepted, Judging
from benchmark.errors import BenchmarkError
from benchmark.plan import Endpoint, Expectation, Profile, Target
from benchmark.slo import Slo
from scripts.cli import app

HANGS_AFTER_S = 60.0

BASE: dict[str, dict[str, str]] = {
    "": {"schema_version": "1"},
    "app": {"import": '"no_such_app:app"'},
    "endpoints.q": {"path": '"/q"', "work": '"50ms"', "served": '"thread pool"'},
    "endpoints.q.expect": {"status": "200"},
    "profiles.p": {"users": "4", "spawn_rate": "4", "duration": '"3s"', "endpoints": '["q"]', "timeout": '"10s"'},
    "judging": {},
    "slo.q": {"p95": '"1s"'},
}
MODELS: dict[str, type[BaseModel]] = {
    "app": Target,
    "endpoints.q": Endpoint,
    "endpoints.q.expect": Expectation,
    "profiles.p": Profile,
    "judging": Judging,
    "accepted": Accepted,
    "slo.q": Slo,
}

NUMBERS = ("0", "-1", "1", "2", "7", "1.5", "1e3", "1_000", "true", "inf", "-inf", "nan", "1e400", "1e-320", "5e-324")
HUGE = ("9" * 400, "9" * 5000, f"0x{'f' * 5000}", str(2**63), str(2**63 - 1), str(-(2**63)), "1" + "0" * 400 + ".0")
WORDS = (
    "",
    *["a", "5m", "0s", "1e9", "1,500", "auto", "cpu", "pool", "spread", "poisson", "100/s", "$", "$HOME", "${A"],
)
STRANGE = ("a\\u0000b", "\\n::error::x", "\\u001b[31m", "ü💩", "x" * 5000, "9" * 5000 + "h", "/a b", "/q", "q", "x.py")
URLS = [
    "http://[::1",
    "http://a..b",
    "http://h:99999",
    "http://h:0",
    "http://h/?a=b",
    "https://h",
    "http://ü.de",
    "//h",
]
TEXTS = tuple(f'"{word}"' for word in (*WORDS, *STRANGE, *URLS))
DEEP = (*("[" * depth + "]" * depth for depth in (40, 60, 3000)), "{a=" * 60 + "1" + "}" * 60, ".".join("a" * 99))
DATES = ("2026-01-31", "07:32:00", "1979-05-27T07:32:00Z", "[2026-01-31]", "{ day = 2026-01-31 }")
LISTS = ("[]", "[1, [2.5, 3]]", '["q", "q"]')
TABLES = ("{}", '{ a = { b = "c" } }', '{ "a b" = 1 }', '{ X = " y" }', '{ X = "$" }')
BROKEN = ("", "=", "a", '"', "[", "'''", '"""', "\\", "1 2", "2026-13-45")
VALUES = (*NUMBERS, *HUGE, *TEXTS, *DEEP, *DATES, *LISTS, *TABLES, *BROKEN)

MARKS = (b"", b"\xef\xbb\xbf", b"\xff\xfe", b"\x00", b"\r", b"\xc3", b"#")
SPOILED = (*MARKS, b"[app]\n", b"[[accepted]]\n", b"a.b.c = 1\n")
ODD = ("-x", "--", "a b", "ü💩", "::error::x", "\x1b[31m", "q", "p", "10, 20", "3,4", "9" * 400)
FLAG_VALUES = (*NUMBERS, *WORDS, *ODD)
LOAD = ("--users", "--spawn-rate", "--duration", "--task-seconds", "--workers", "--threads", "--endpoint", "--profile")
ASKED = ("--connections", "--service-seconds", "--seats", "--open-rate", "--draws", "--seed")
SENT = ("--rounds", "--port", "--loop", "--rate", "--arrivals", "--processes", "--expect-workers", "--workers-within")
FLAGS = {
    "predict": (*LOAD, *ASKED),
    "run": (*LOAD, *SENT, "--seed", "--python"),
    "diagnose": ("--most-users", "--task-seconds", "--workers", "--threads"),
    "capacity": ("--failures-below", "--most-users", "--most-rate", "--duration", "--workers", "--threads"),
    "compare": ("--base-with", "--profile", "--users", "--duration", "--rounds", "--smallest-effect"),
}
ARGUMENTS = {
    "diagnose": ("q",),
    "capacity": ("q", "--p95-below", "50ms"),
    "compare": ("HEAD", "HEAD", "--profile", "p"),
}
SECONDS = ("0.000001", "0.0021", "1ms", "1s", "2", "90s", "1h", "24h")
COUNTS = ("0", "1", "2", "3", "7", "64", "256", "999", "2000")
RATES = ("0.001", "0.3", "1", "7.5", "100000", "200/s")
PLAUSIBLE: dict[str, tuple[str, ...]] = {
    **dict.fromkeys(("duration", "task-seconds", "wait", "timeout", "reference", "workers-within", "work"), SECONDS),
    **dict.fromkeys(("startup-timeout", "service-seconds"), SECONDS),
    **dict.fromkeys(("users", "workers", "threads", "rounds", "seats", "draws", "seed", "expect-workers"), COUNTS),
    **dict.fromkeys(("load-workers", "most-users", "fewest-runs", "most-runs"), COUNTS),
    **dict.fromkeys(("spawn-rate", "rate", "open-rate", "most-rate", "work-tasks", "failures-below"), RATES),
    **dict.fromkeys(("smallest-effect", "smallest-effect-percent", "band-mads"), RATES),
    "processes": ("1", "2", "auto", "256"),
    "connections": ("4", "2,2", "4,0", "1,1,2"),
    "arrivals": ("even", "poisson"),
    "start": ("batch", "spread"),
    "client": ("fast", "requests", "stock"),
    "sockets": ("shared", "per-worker"),
    "loop": ("uvloop", "asyncio"),
    "served": ("event loop", "thread pool", "blocked event loop", "pool", "cpu"),
    "url": ("http://127.0.0.1:1", "https://ü.de/x", "http://[::1]:80"),
    "host": ("127.0.0.2", "localhost", "a.b"),
    "method": ("POST", "HEAD"),
    "path": ("/", "/a%20b?c=d&e=ü", "/a#b", "//a"),
    "body": ("", "ü", "$A"),
    "contains": ("", "a"),
    "pointer": ("", "/a/0", "/~0"),
}
"""Values that may be right, by what the key or the flag is called."""

OURS = ("PROFILE", "ENDPOINTS", "USERS", "SPAWN_RATE", "DURATION", "WORKERS", "TASK_SECONDS", "PYTHON")
VARIABLES = (*(f"BENCH_{name}" for name in OURS), *["COLUMNS", "LINES", "TERM", "NO_COLOR", "FORCE_COLOR", "HOME"])


@dataclass(frozen=True)
class Input:
    """What is given to `bench`. `file` None: a benchmark.toml that is a pipe."""

    file: bytes | None
    command: tuple[str, ...]
    environment: Mapping[str, str] = field(default_factory=dict)

    def place(self, folder: Path) -> None:
        """Write the file."""
        path = folder / "benchmark.toml"
        path.unlink(missing_ok=True)
        if self.file is None:
            os.mkfifo(path)
        else:
            path.write_bytes(self.file)


def keys(model: type[BaseModel]) -> list[str]:
    """How the fields of a model are called in benchmark.toml."""
    aliases = {name: found.validation_alias for name, found in model.model_fields.items()}
    return [str(alias.choices[0]) if isinstance(alias, AliasChoices) else name for name, alias in aliases.items()]


RARELY = 3
"""One of the numbers that are drawn: 0 would be drawn too often."""

PLACES = [(table, key) for table, model in MODELS.items() for key in (*keys(model), "nonsense", '"a\\nb"')]

DROPPED = [(table, key) for table, held in BASE.items() for key in held if key != "import"]
"""Not `import`: with a url alone `bench` would begin to ask."""

KNOWN = [(table, key) for table, key in PLACES if table in BASE and key.replace("_", "-") in PLAUSIBLE]


@st.composite
def files(draw: st.DrawFn) -> bytes | None:
    """A benchmark.toml with some of its values changed, and maybe some bytes that do not belong there."""
    if draw(st.integers(0, 99)) == RARELY:
        return None
    tables = {name: dict(values) for name, values in BASE.items()}
    for table, key in draw(st.lists(st.sampled_from(KNOWN), max_size=4)):
        value = draw(st.sampled_from(PLAUSIBLE[key.replace("_", "-")]))
        tables[table][key] = value if value.replace(".", "", 1).isdigit() else f'"{value}"'
    if draw(st.booleans()):
        table, key = draw(st.sampled_from(PLACES))
        tables.setdefault(table, {})[key] = draw(st.sampled_from(VALUES))
    if draw(st.integers(0, 9)) == RARELY:
        table, key = draw(st.sampled_from(DROPPED))
        tables[table].pop(key, None)
    text = ""
    for name, values in tables.items():
        head = "[[accepted]]" if name == "accepted" else f"[{name}]" if name else ""
        text += "\n".join([head, *(f"{key} = {value}" for key, value in values.items())]) + "\n"
    content = text.encode()
    if draw(st.integers(0, 19)) == RARELY:
        at = draw(st.integers(0, len(content)))
        content = content[:at] + draw(st.sampled_from(SPOILED)) + content[at + draw(st.integers(0, 3)) :]
    return content


@st.composite
def inputs(draw: st.DrawFn) -> Input:
    """Anything that `bench` may be given before it starts something; most of it is wrong."""
    name = draw(st.sampled_from([*["predict"] * 6, *FLAGS]))
    words = [name, *ARGUMENTS.get(name, ())]
    words += ["--profile", "p"] if name in {"predict", "run"} else []
    for flag in draw(st.lists(st.sampled_from(FLAGS[name]), max_size=3)):
        may_be_right = PLAUSIBLE.get(flag.removeprefix("--"), ("p", "q"))
        words += [flag, draw(st.sampled_from(may_be_right if draw(st.integers(0, 3)) else FLAG_VALUES))]
    variables: dict[str, str] = {}
    if draw(st.integers(0, 3)) == RARELY:
        variables = draw(st.dictionaries(st.sampled_from(VARIABLES), st.sampled_from(FLAG_VALUES), max_size=2))
    return Input(draw(files()), tuple(words), variables)


@contextmanager
def _no_longer_than(seconds: float) -> Iterator[None]:
    def give_up(_number: int, _frame: FrameType | None) -> None:
        raise TimeoutError(f"it still went on after {seconds:g} s")

    before = signal.signal(signal.SIGALRM, give_up)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def problem(given: Input, folder: Path) -> str | None:
    """What is wrong with how `bench` takes an input: None when it does what it is asked, or refuses it in one line."""
    given.place(folder)
    with chdir(folder), _no_longer_than(HANGS_AFTER_S):
        done = CliRunner().invoke(app, list(given.command), env=dict(given.environment))
    error: Any = done.exception
    if error is None or (isinstance(error, SystemExit) and error.code in {0, 2}):
        return None
    if not isinstance(error, BenchmarkError):
        return "".join(traceback.format_exception(error))
    if error.exit_code != 2:
        return f"exit code {error.exit_code}: {error}"
    return None if str(error).isprintable() else f"not one printable line: {error!s}"
