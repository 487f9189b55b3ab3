"""Secrets of any name come in one variable: they are set under their names, or refused without being quoted."""

import json
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmark.errors import UsageError
from benchmark.handover import NAMES, OBEYED, SECRETS, handed_over, take_over

SECRET = "s3cr3t-0f-n0b0dy"  # noqa: S105 - what must not be found anywhere
REFUSED = re.findall(
    r"\S+",
    """
    PATH LD_PRELOAD LD_LIBRARY_PATH PYTHONPATH PYTHONSTARTUP PYTHON HOME BASH_ENV SHELL IFS GITHUB_OUTPUT GITHUB_TOKEN
    RUNNER_TEMP BENCH_USERS BENCH_SECRETS BENCH_SECRET_NAMES LOCUST_USERS PIP_INDEX_URL GIT_SSH_COMMAND NODE_OPTIONS
    TASK_SECONDS DYLD_INSERT_LIBRARIES https_proxy path
    """,
)
TAKEN = ["API_TOKEN", "DATABASE_URL", "PATH_PREFIX", "PORT", "SECRET_KEY", "ENV", "TZ", "COMPOSE_FILE", "LDAP_PASSWORD"]
NAME = st.from_regex(r"[A-Za-z_][A-Za-z0-9_]{0,30}", fullmatch=True).filter(lambda name: not OBEYED.fullmatch(name))
VALUE = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]))


@given(st.dictionaries(NAME, VALUE))
def test_every_name_gets_its_value_and_the_whole_is_gone(secrets: dict[str, str]) -> None:
    environment = {SECRETS: json.dumps(secrets), "PATH": "/bin"}
    take_over(environment)
    kept = {name: value for name, value in secrets.items() if value}
    assert handed_over(environment) == tuple(sorted(kept))
    environment.pop(NAMES, None)
    assert environment == {"PATH": "/bin", **kept}


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("", {}),
        (" \n", {}),
        ("{}", {}),
        ('{"A": "1", "B": null, "C": ""}', {"A": "1"}),  # GitHub writes null for a secret that does not exist
        ('\ufeff{\r\n"A": "1"\r\n}\r\n', {"A": "1"}),
        ("A=1", {"A": "1"}),
        ("# of the shop\nexport A=1\n\nB='two words'\nC=\n", {"A": "1", "B": "two words"}),
        ('A="a\\nb"\r\nB=1\r\n', {"A": "a\nb", "B": "1"}),
        ('{"DATABASE_URL": "postgresql://u:p@h/d?a=b#c", "ENV": "x"}',) * 2,
    ],
)
def test_an_object_of_json_and_lines_of_an_env_file(text: str, found: dict[str, str] | str) -> None:
    environment = {SECRETS: text}
    take_over(environment)
    environment.pop(NAMES, None)
    assert environment == (json.loads(found) if isinstance(found, str) else found)


def test_what_is_handed_over_wins_over_what_was_there() -> None:
    """A workflow hands over API_TOKEN as well, which is empty where there is none."""
    environment = {SECRETS: '{"API_TOKEN": "new"}', "API_TOKEN": "old", NAMES: "OTHER"}
    take_over(environment)
    assert environment == {"API_TOKEN": "new", NAMES: "API_TOKEN,OTHER"}


@pytest.mark.parametrize(
    "text",
    [
        f'{{"A": "{SECRET}"',
        f'{{"A": "{SECRET}",}}',
        f"{{'A': '{SECRET}'}}",
        f'["{SECRET}"]',
        f'"{SECRET}"',
        SECRET,
        f"A=1\n{SECRET}\n",
        f"A='{SECRET}",
        f'{{"{SECRET}": "A"}}',
        f'{{"": "{SECRET}"}}',
        f'{{"1A": "{SECRET}"}}',
        f'{{"A B": "{SECRET}"}}',
        f'{{"A\\n": "{SECRET}"}}',
        f'{{"A": "{SECRET}", "A": "{SECRET}"}}',
        f'{{"A": ["{SECRET}"]}}',
        f'{{"A": {{"B": "{SECRET}"}}}}',
        '{"A": 4711}',
        '{"A": true}',
        f'{{"A": "{SECRET}\\u0000"}}',
        f'{{"A": "{SECRET}\\ud800"}}',
        f'{{"A": "{SECRET}\udcff"}}',
        '{"A": ' + "[" * 100_000,
        '{"A": ' + "1" * 10_000 + "}",
    ],
)
def test_anything_else_is_refused_in_one_line_that_quotes_nothing(text: str) -> None:
    environment = {SECRETS: text}
    with pytest.raises(UsageError) as refused:
        take_over(environment)
    assert environment == {}
    said = str(refused.value)
    assert said.startswith("BENCH_SECRETS")
    assert "\n" not in said
    assert SECRET not in said
    assert "4711" not in said


@pytest.mark.parametrize("name", REFUSED)
@pytest.mark.parametrize("form", ['{{"A": "1", "{}": "2"}}', "A=1\n{}=2"])
def test_a_name_that_would_change_the_runner_is_refused(name: str, form: str) -> None:
    environment = {SECRETS: form.format(name)}
    with pytest.raises(UsageError, match=f"BENCH_SECRETS: {name} would change"):
        take_over(environment)
    assert environment == {}


@pytest.mark.parametrize("name", TAKEN)
def test_names_of_settings_are_taken(name: str) -> None:
    environment = {SECRETS: f"{name}=2"}
    take_over(environment)
    assert environment[name] == "2"
