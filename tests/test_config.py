"""benchmark.toml and the flags: read once, refused in one line that says where and what."""

import os
import re
from pathlib import Path

import pytest

from benchmark.config import command_line, customised, make_plan, read_config
from benchmark.errors import UsageError
from benchmark.plan import Endpoint, Plan

MINIMAL = """
schema_version = 1
[app]
import = "app.main:app"
[endpoints.one]
path = "/one"
work_tasks = 3
[profiles.quick]
users = 10
spawn_rate = 5
duration = "1m30s"
endpoints = ["one"]
"""


WRONG_TEXTS = {
    'body = "costs 5$"': 'endpoints.one.body: a "$" that names no variable is written "$$"',
    'json = { a = [{ b = "5 $" }] }': "endpoints.one.json: a ",
    'body = "user=a&password=abcdefg"': "endpoints.one.body: the value of 'password' would end up in reports; put it",
    """body = '{"client-secret": "abcdefg"}'""": 'put it into a variable: "$CLIENT_SECRET"',
    'json = { login = [{ api_key = "abcdefg" }] }': "endpoints.one.json: the value of 'api_key'",
}
"""More keys of an endpoint, and where they are refused."""


def config_file(folder: Path, text: str) -> Path:
    """Write a benchmark.toml."""
    path = folder / "benchmark.toml"
    path.write_text(text)
    return path


def plan_of(folder: Path, text: str = MINIMAL, **wishes: object) -> Plan:
    """The plan of profile quick."""
    return make_plan(read_config(config_file(folder, text)), "quick", wishes)


def test_values_without_flags_are_those_of_the_profile(tmp_path: Path) -> None:
    plan = plan_of(tmp_path)
    assert (plan.profile.users, plan.profile.duration_s, plan.profile.spawn_rate_per_s) == (10, 90, 5)
    assert (plan.target.workers, plan.target.threads, plan.target.loop) == (2, 40, "uvloop")
    assert [endpoint.name for endpoint in plan.endpoints] == ["one"]


def test_only_a_pool_is_waited_for_on_threads() -> None:
    pool = Endpoint(name="a", path="/", served="pool", seats=10, on_threads=True)
    assert (pool.seats_per_worker(40), pool.seats_per_worker(4)) == (10, 4)
    assert "on_threads" not in pool.model_copy(update={"on_threads": False}).model_dump()
    with pytest.raises(ValueError, match="on_threads = true goes with"):
        Endpoint(name="a", path="/", served="thread pool", on_threads=True)


@pytest.mark.parametrize("key", ["slots", "seats"])
def test_a_pool_declares_its_slots_and_older_files_call_them_seats(tmp_path: Path, key: str) -> None:
    (pool,) = plan_of(tmp_path, MINIMAL.replace("work_tasks", f'served = "pool"\n{key} = 7\nwork_tasks')).endpoints
    assert pool.seats == 7
    assert "slots" not in pool.model_dump()


def test_endpoints_of_one_group_do_the_same_work_as_do_those_that_count_tasks(tmp_path: Path) -> None:
    (tasks,) = plan_of(tmp_path).endpoints
    (grouped,) = plan_of(tmp_path, MINIMAL.replace("work_tasks", 'group = "login"\nwork_tasks')).endpoints
    (neither,) = plan_of(tmp_path, MINIMAL.replace("work_tasks = 3", "")).endpoints
    assert (tasks.ranked_in, grouped.ranked_in, neither.ranked_in) == ("", "login", None)


def test_flags_change_one_value_each_and_the_plan_knows_which(tmp_path: Path) -> None:
    config = read_config(config_file(tmp_path, MINIMAL))
    plan = make_plan(config, "quick", {"users": "50.0", "duration_s": "5s", "threads": "8", "workers": None})
    assert (plan.profile.users, plan.profile.duration_s, plan.target.threads, plan.target.workers) == (50, 5, 8, 2)
    assert customised(config, plan) == ("--users", "--duration", "--threads")


def test_the_command_that_repeats_a_plan_gives_the_same_plan(tmp_path: Path) -> None:
    config = read_config(config_file(tmp_path, MINIMAL))
    plan = make_plan(config, "quick", {"users": "7", "task_seconds": "0.25", "endpoints": ("one",)})
    line = command_line(plan, customised(config, plan))
    assert line == "bench run --profile quick --users 7 --task-seconds 0.25"


def test_a_rate_is_repeated_to_its_last_digit(tmp_path: Path) -> None:
    config = read_config(config_file(tmp_path, MINIMAL))
    plan = make_plan(config, "quick", {"rate_per_s": "1234.5678/s", "arrivals": "poisson", "seed": "7"})
    line = command_line(plan, customised(config, plan))
    assert line == "bench run --profile quick --rate 1234.5678 --arrivals poisson --seed 7"


def test_processes_that_are_asked_for_show_beside_automatic_ones(tmp_path: Path) -> None:
    config = read_config(config_file(tmp_path, MINIMAL + 'processes = "auto"\n'))
    assert customised(config, make_plan(config, "quick", {})) == ()
    assert customised(config, make_plan(config, "quick", {"processes": "201"})) == ("--processes",)


@pytest.mark.parametrize(
    ("wishes", "said"),
    [
        ({"seed": "7"}, "--seed: only applies to a rate, and there is none"),
        ({"arrivals": "poisson"}, "--arrivals: only applies"),
        ({"rate_per_s": "5/s", "processes": "11"}, "--rate: 10 users cannot send it from 11 processes"),
    ],
)
def test_what_makes_no_sense_with_or_without_a_rate_is_refused(
    tmp_path: Path, wishes: dict[str, str], said: str
) -> None:
    with pytest.raises(UsageError, match=said):
        plan_of(tmp_path, **wishes)


@pytest.mark.parametrize(
    ("text", "where"),
    [
        pytest.param(MINIMAL + 'clients = "x"', "profiles.quick.clients: unknown key", id="unknown key in a profile"),
        pytest.param(MINIMAL.replace("[app]", "[app]\nworker = 1"), "app.worker: unknown key", id="unknown key in app"),
        pytest.param(MINIMAL + "\n[extra]", "extra: unknown key", id="unknown section"),
        pytest.param(
            MINIMAL.replace("users = 10", "users = 0"), "profiles.quick.users must be at least 1 (got 0)", id="no users"
        ),
        pytest.param(MINIMAL.replace('"1m30s"', '"5 parsecs"'), "profiles.quick.duration: ", id="no duration"),
        pytest.param(
            MINIMAL.replace('["one"]', '["two"]'), "there is no endpoint 'two'; there are: one", id="no endpoint"
        ),
        pytest.param(MINIMAL.replace('"/one"', '"one"'), "endpoints.one.path must match", id="path without slash"),
        pytest.param(
            MINIMAL.replace("[endpoints", 'env = "KEY=pass-word"\n[endpoints'),
            "app.env must be a table",
            id="env as text",
        ),
        pytest.param(
            MINIMAL.replace("[endpoints", 'before = ""\n[endpoints'), "app.before must not be empty", id="no command"
        ),
        pytest.param(MINIMAL.replace("import =", 'url = "http://x"\nimport ='), "app: needs exactly one", id="both"),
        pytest.param(
            MINIMAL.replace('"app.main:app"', '"app main"'), "app.import: must look like", id="no import path"
        ),
        pytest.param(
            MINIMAL.replace('import = "app.main:app"', 'url = "http://me:pw@host"'),
            "app.url: must not hold",
            id="password",
        ),
        pytest.param(
            MINIMAL.replace('import = "app.main:app"', 'url = "http://host/?a=b"'), "app.url: must end", id="query"
        ),
        pytest.param(MINIMAL.replace('["one"]', '["one", "one"]'), "endpoints: names an endpoint twice", id="twice"),
        pytest.param(
            MINIMAL.replace("work_tasks", 'name = "x"\nwork_tasks'), "endpoints.one.name: unknown key", id="name"
        ),
        pytest.param(MINIMAL + 'name = "x"', "profiles.quick.name: unknown key", id="name of a profile"),
        pytest.param(
            MINIMAL.replace("work_tasks", 'headers = { Authorization = "Bearer abcdef" }\nwork_tasks'),
            "its value would end up in reports",
            id="literal secret",
        ),
        pytest.param(
            MINIMAL.replace("work_tasks", 'headers = { X = "a\\nb" }\nwork_tasks'), "must be one line", id="line break"
        ),
        *(
            pytest.param(MINIMAL.replace("work_tasks", f"{text}\nwork_tasks"), where, id=text)
            for text, where in WRONG_TEXTS.items()
        ),
        pytest.param(
            MINIMAL.replace("schema_version = 1", "schema_version = 9"),
            "schema_version must be at most 1",
            id="version",
        ),
        pytest.param(
            MINIMAL + "headline = true\n[profiles.two]\nheadline = true\n" + MINIMAL.partition("[profiles.quick]\n")[2],
            "profiles quick and two have headline = true",
            id="two headlines",
        ),
        pytest.param(MINIMAL.replace("[app]", "[app"), "cannot be read", id="no TOML"),
        *(
            pytest.param(MINIMAL.replace("work_tasks", f"json = {{ a = [1, {value}] }}\nwork_tasks"), said, id=name)
            for name, value, said in (
                ("date", "2026-01-31", 'endpoints.one.json.a.1: holds a date, write it as text: "2026-01-31"'),
                ("moment", "2026-01-31T10:00:00Z", "endpoints.one.json.a.1: holds a date, write it as text"),
                ("time of day", "10:00:00", "endpoints.one.json.a.1: holds a time, write it as text"),
                ("nan", "nan", "endpoints.one.json.a.1: nan is not a finite number"),
                ("overflow", "1e400", "endpoints.one.json.a.1: inf is not a finite number"),
                ("many digits", "9" * 5000, "endpoints.one.json.a.1: holds a number of more than 64 bits"),
                ("many hex digits", "0x" + "f" * 5000, "endpoints.one.json.a.1: holds a number of more than 64 bits"),
                ("deep lists", "[" * 3000 + "]" * 3000, "line 7, json: values are nested more than 50 deep"),
                ("deep tables", "{a=" * 60 + "1" + "}" * 60, "line 7, json: values are nested more than 50 deep"),
            )
        ),
        pytest.param(
            MINIMAL.replace("work_tasks", f"json.{'a.' * 90}b = 1\nwork_tasks"), "nested more than 50", id="dots"
        ),
        pytest.param(MINIMAL.replace("= 10", "= inf"), "profiles.quick.users: inf is not a finite number", id="inf"),
        pytest.param(
            MINIMAL.replace("= 10", f"= 1{'0' * 400}"), "profiles.quick.users: holds a number of", id="10**400"
        ),
        pytest.param(MINIMAL.replace("work_tasks = 3", "work = 1e-320"), "endpoints.one.work: ", id="subnormal"),
        pytest.param(
            MINIMAL.replace("spawn_rate = 5", "spawn_rate = 5e-324"), "profiles.quick.spawn_rate must be ", id="rate"
        ),
        pytest.param(
            MINIMAL.replace("[app]", '[app]\n"a\\n::error::b" = 1'), 'app."a\\n::error::b": unknown', id="key"
        ),
        pytest.param(
            MINIMAL.replace('import = "app.main:app"', 'url = "http://host:99999"'), "app.url: Port out", id="no port"
        ),
        pytest.param(
            MINIMAL.replace('import = "app.main:app"', 'url = "http://a..b"'),
            "app.url: names an impossible host",
            id="host",
        ),
        pytest.param(
            MINIMAL.replace("work_tasks", 'headers = { "X Y" = "a" }\nwork_tasks'),
            "cannot be the name of a header",
            id="name of a header",
        ),
        pytest.param(
            MINIMAL.replace("work_tasks", 'headers = { X = " a" }\nwork_tasks'),
            "begins or ends with a space",
            id="space",
        ),
    ],
)
def test_a_mistake_is_named_in_one_line_with_the_path_of_its_key(tmp_path: Path, text: str, where: str) -> None:
    with pytest.raises(UsageError) as caught:
        plan_of(tmp_path, text)
    message = str(caught.value)
    assert where in message
    assert "pass-word" not in message
    assert "benchmark.toml" in message
    assert "\n" not in message.replace("\\n", "")
    assert "pw@" not in message
    assert "abcdef" not in message


def test_flags_about_a_server_that_is_not_started_here_are_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="--workers: the app at http://host is not started here"):
        plan_of(tmp_path, MINIMAL.replace('import = "app.main:app"', 'url = "http://host"'), workers="4")


@pytest.mark.parametrize(
    ("content", "said"),
    [
        pytest.param(b"\xef\xbb\xbf" + MINIMAL.encode(), "begins with a byte order mark", id="Notepad"),
        pytest.param(MINIMAL.encode("utf-16"), "is not UTF-8 (byte 1)", id="UTF-16"),
        pytest.param(MINIMAL.encode() + b"# caf\xe9", "is not UTF-8 (byte ", id="Latin-1"),
        pytest.param(MINIMAL.encode() + b"\x00", "cannot be read", id="NUL"),
        pytest.param(b"#" * 300_000, "holds more than 256 KiB", id="large"),
    ],
)
def test_a_file_that_is_no_text_is_named(tmp_path: Path, content: bytes, said: str) -> None:
    (tmp_path / "benchmark.toml").write_bytes(content)
    with pytest.raises(UsageError) as caught:
        read_config(tmp_path / "benchmark.toml")
    assert said in str(caught.value)
    assert str(caught.value).isprintable()


@pytest.mark.parametrize("kind", ["pipe", "zero", "folder", "link to zero"])
def test_what_never_ends_or_is_no_file_is_not_read(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "benchmark.toml"
    if kind == "pipe":
        os.mkfifo(path)
    elif kind == "folder":
        path.mkdir()
    else:
        path = Path("/dev/zero") if kind == "zero" else path
    if kind == "link to zero":
        path.symlink_to("/dev/zero")
    with pytest.raises(UsageError, match="is a folder, a pipe or a device; name a file with --config"):
        read_config(path)


def test_brackets_in_strings_and_comments_nest_nothing(tmp_path: Path) -> None:
    many = "[" * 60
    lines = f'body = "{many}" # {many}\ndescription = 1\n'.replace("description = 1", f"# {many}")
    text = MINIMAL.replace("work_tasks", f"{lines}expect = {{ contains = '''{many}\n{many}''' }}\nwork_tasks")
    assert plan_of(tmp_path, text).endpoints[0].body == many


@pytest.mark.parametrize(
    ("content", "said"),
    [
        pytest.param(None, "cannot be read: No such file or directory", id="missing"),
        pytest.param("{", "Invalid JSON", id="no JSON"),
        pytest.param('{"endpoint": "e"}', "is missing", id="other JSON"),
    ],
)
def test_a_service_time_that_cannot_be_read_says_how_to_write_it(
    tmp_path: Path, content: str | None, said: str
) -> None:
    (tmp_path / "benchmark.toml").write_text(
        '[app]\nimport = "a:app"\n[endpoints.e]\npath = "/"\nservice = "e.json"\n'
        '[profiles.p]\nusers = 1\nspawn_rate = 1\nduration = "1s"\nendpoints = ["e"]\n'
    )
    if content is not None:
        (tmp_path / "e.json").write_text(content)
    with pytest.raises(UsageError) as caught:
        read_config(tmp_path / "benchmark.toml")
    assert "endpoints.e.service: " in str(caught.value)
    assert said in str(caught.value)
    assert "bench diagnose e --keep" in str(caught.value)


def test_a_missing_file_says_where_to_run(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="does not exist; run bench in the folder"):
        read_config(tmp_path / "benchmark.toml")


def test_the_repository_s_own_file_holds_the_published_experiment(repository: Path) -> None:
    config = read_config(repository / "benchmark.toml")
    blog = config.profiles["blog"]
    assert (blog.users, blog.spawn_rate_per_s, blog.duration_s, blog.task_seconds) == (500, 50, 300, 5)
    assert (config.app.workers, config.app.threads) == (2, 40)
    assert blog.endpoints == ("sync_baseline", "async_independent", "async_dependent", "async_concurrent")
    assert {"blog", "quick", "smoke", "extended"} <= set(config.profiles)


def test_judging_has_defaults_and_accepted_changes_are_read(tmp_path: Path) -> None:
    plain = read_config(config_file(tmp_path, MINIMAL))
    assert (plain.judging.smallest_effect_percent, plain.judging.band_mads, plain.accepted) == (5, 3, ())
    text = (
        '[judging]\nsmallest_effect_percent = 8\n[[accepted]]\nendpoint = "one"\ndate = 2026-01-31\nreason = "known"\n'
    )
    changed = read_config(config_file(tmp_path, MINIMAL + text))
    assert changed.judging.smallest_effect_percent == 8
    (accepted,) = changed.accepted
    assert (accepted.endpoint, accepted.metric, str(accepted.date)) == ("one", None, "2026-01-31")


def test_the_commented_judging_of_the_repository_s_file_is_valid_and_the_default(
    repository: Path, tmp_path: Path
) -> None:
    text = (repository / "benchmark.toml").read_text()
    before, judging = text.split("# --- judging", 1)
    lines = [line.removeprefix("# ") for line in judging.splitlines() if re.match(r"# (\[|\w+ = )", line)]
    config = read_config(config_file(tmp_path, before + "\n".join(lines)))
    assert config.judging == read_config(repository / "benchmark.toml").judging
    assert [accepted.metric for accepted in config.accepted] == ["p95_ms"]


@pytest.mark.parametrize(
    ("text", "where"),
    [
        ('[[accepted]]\nreason = "known"', "accepted.0: needs exactly one of run"),
        ('[[accepted]]\nreason = "known"\nrun = "a"\ndate = 2026-01-31', "accepted.0: needs exactly one of run"),
        ('[[accepted]]\nrun = "a"', "accepted.0.reason"),
        (
            '[[accepted]]\nreason = "known"\nrun = "a"\nendpoint = "two"',
            "accepted.0.endpoint: there is no endpoint 'two'",
        ),
        ('[[accepted]]\nreason = "known"\nrun = "a"\nmetric = "p42"', "accepted.0.metric"),
        ("[judging]\nfewest_runs = 30", "judging: fewest_runs is more than most_runs"),
        ("[judging]\nsmallest_effect_percent = 0", "judging.smallest_effect_percent"),
    ],
)
def test_a_mistake_about_judging_is_named_too(tmp_path: Path, text: str, where: str) -> None:
    with pytest.raises(UsageError) as error:
        read_config(config_file(tmp_path, MINIMAL + text))
    assert where in str(error.value)
    assert "\n" not in str(error.value)


def test_what_is_promised_is_that_of_the_profile_else_that_of_all(tmp_path: Path) -> None:
    tables = (
        '[[slo.one]]\np95 = "300ms"\np99.9 = "1s"\n[[slo.one]]\nprofile = "{}"\nfirst_byte_p999 = 2\nfailures = 0\n'
    )
    other = "[profiles.other]\nusers = 1\nspawn_rate = 1\nduration = 1\nendpoints = ['one']\n"
    config = read_config(config_file(tmp_path, MINIMAL + other + tables.format("other")))
    (first,) = set(config.profiles) - {"other"}
    found = {name: [(one.metric, one.limit) for one in make_plan(config, name, {}).slo] for name in (first, "other")}
    assert found == {
        first: [("p95", 300.0), ("p99.9", 1000.0)],
        "other": [("first_byte_p99.9", 2000.0), ("failures", 0.0)],
    }


@pytest.mark.parametrize(
    ("text", "where"),
    [
        ("[slo.one]\nfailures = true", "slo.one.failures: True is written with its sign"),
        ('[slo.one]\nfailures = "100%"', "slo.one.failures must be less than 100"),
        ('[slo.one]\np95 = "0s"', "slo.one.p95 must be more than 0"),
        ('[slo.one]\nthroughput = "many"', "slo.one.throughput: expected a number such as"),
        ('[slo.one]\nprofile = "no"\np95 = 1', "slo.one.profile: there is no profile 'no'"),
        ("[[slo.one]]\np95 = 1\n[[slo.one]]\np95 = 2", "slo.one: two tables are for all profiles"),
        ("slo = 3", "slo must be a table"),
        ("[slo]\none = []", "slo.one: "),
        ("[slo.one.blog]\np95 = 1", "slo.one.blog: unknown key; there are: p50, "),
    ],
)
def test_a_mistake_about_a_promise_is_named(tmp_path: Path, text: str, where: str) -> None:
    whole = f"{text}\n{MINIMAL}" if text.startswith("slo") else MINIMAL + text
    with pytest.raises(UsageError) as error:
        read_config(config_file(tmp_path, whole))
    assert where in str(error.value)
    assert "\n" not in str(error.value)
