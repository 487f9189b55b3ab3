"""Secrets of any name, handed over in one variable: BENCH_SECRETS holds names and values.

A workflow can only pass on secrets that it names, and one that others call cannot know their names. Handing over all
secrets of a repository instead would expose those that no benchmark needs. So the owner says which: a JSON object of
texts, or lines of NAME=value as in an .env file.
"""

import json
import os
import re
from collections.abc import Mapping, MutableMapping
from io import StringIO
from typing import Any

from dotenv import dotenv_values
from dotenv.parser import parse_stream

from benchmark.errors import UsageError

SECRETS = "BENCH_SECRETS"
NAMES = "BENCH_SECRET_NAMES"
"""The names alone, a,b: for child processes, and for jobs of a workflow that must not get the values."""

VARIABLE_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
# What a shell, a loader, an interpreter, git, Docker, the runner or this tool obeys.
OBEYED = re.compile(
    r"(?i)PATH|HOME|PWD|OLDPWD|SHELL|SHLVL|IFS|PS[0-9]|PROMPT_COMMAND|BASHOPTS|SHELLOPTS|TMPDIR|TMP|TEMP|LANG|LANGUAGE"
    r"|TERM|CI|EDITOR|VISUAL|PAGER|BROWSER|VIRTUAL_ENV|GCONV_PATH|PERL5(LIB|OPT|DB)|RUBY(LIB|OPT)"
    r"|NODE_(OPTIONS|PATH)|JAVA_TOOL_OPTIONS|JDK_JAVA_OPTIONS|DOCKER_(HOST|CONFIG|CONTEXT|CERT_PATH|TLS_VERIFY)"
    r"|(HTTPS?|ALL|NO|FTP)_PROXY|SSL_CERT_(FILE|DIR)|(REQUESTS|CURL)_CA_BUNDLE|TASK_SECONDS|THREADS"
    r"|(LD|DYLD|LC|BASH|PYTHON|PIP|UV|GIT|XDG|BENCH|LOCUST|GITHUB|RUNNER|ACTIONS|MALLOC|GLIBC)(_.*)?|PYTHON.*"
)
EXAMPLE = '{"API_TOKEN": "..."}'


def take_over(environment: MutableMapping[str, str]) -> None:
    """Put what BENCH_SECRETS holds into the environment, each value under its name, and keep the names alone.

    An empty value, or null, is a secret that does not exist. UsageError: what is wrong, without quoting a value.
    """
    text = environment.pop(SECRETS, "").lstrip("\ufeff").strip()
    if any("\ud800" <= char <= "\udfff" for char in text):
        raise UsageError(f"{SECRETS} is not UTF-8; write it again")
    found = _of_json(text) if text.startswith("{") else env_lines(text, f"{SECRETS}:", f", nor is it {EXAMPLE}")
    values = {name: _checked(number, name, value) for number, (name, value) in enumerate(found.items(), start=1)}
    given = {name: value for name, value in values.items() if value}
    environment.update(given)
    if given:
        environment[NAMES] = ",".join(sorted({*handed_over(environment), *given}))


def handed_over(environment: Mapping[str, str] = os.environ) -> tuple[str, ...]:
    """Names of the variables that BENCH_SECRETS held."""
    return tuple(name.strip() for name in environment.get(NAMES, "").split(",") if name.strip())


def how_to_set(variable: str) -> str:
    """What to do about a variable that is not set."""
    if os.environ.get("GITHUB_ACTIONS") == "true":
        return f'put it into the secret {SECRETS} of the repository: {{"{variable}": "..."}}'
    return f"set it: export {variable}=..."


def env_lines(text: str, whose: str, otherwise: str = "") -> dict[str, str]:
    """The variables of a text like an .env file. UsageError: a line is no NAME=value; none is quoted."""
    for binding in parse_stream(StringIO(text)):
        if binding.error or (otherwise and binding.key is not None and binding.value is None):
            raise UsageError(f"{whose} line {binding.original.line} is no NAME=value{otherwise}")
    return {name: value or "" for name, value in dotenv_values(stream=StringIO(text)).items()}


def _of_json(text: str) -> dict[str, Any]:
    try:
        found: dict[str, Any] = json.loads(text, object_pairs_hook=_once)
    except json.JSONDecodeError as error:
        where = f"{error.msg}, line {error.lineno} column {error.colno}"
        raise UsageError(f"{SECRETS} is no JSON object: {where}; write it like {EXAMPLE}") from None
    except (ValueError, RecursionError):  # a number of 5,000 digits, 10,000 brackets
        raise UsageError(f"{SECRETS} is no JSON object of texts; write it like {EXAMPLE}") from None
    return found


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise UsageError(f"{SECRETS} holds one name twice; remove one of them")
    return found


def _checked(number: int, name: str, value: Any) -> str:
    """A name that is none may be a value in the wrong place, so it is not quoted."""
    if not VARIABLE_NAME.fullmatch(name):
        message = f"{SECRETS}: its name number {number} is no name of a variable; use letters, digits and _"
        raise UsageError(f"{message}, and no digit first")
    if OBEYED.fullmatch(name):
        message = f"{SECRETS}: {name} would change how this machine or the benchmark works; choose another name"
        raise UsageError(f"{message} ([app] env can give it this one for the app)")
    if value is None:
        return ""
    if not isinstance(value, str):
        raise UsageError(f'{SECRETS}: the value of {name} must be text in quotes: {{"{name}": "..."}}')
    if "\0" in value or any("\ud800" <= char <= "\udfff" for char in value):
        raise UsageError(f"{SECRETS}: the value of {name} holds a zero byte or half a character; write it again")
    return value
