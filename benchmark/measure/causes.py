"""What to do about a crash of the app whose cause stands in what it printed: a key of [app], where one would help."""

import re

from benchmark.plan import Target

_VARIABLE = re.compile(
    r"""<frozen\ os>[^\0]*\nKeyError:\ ['"]([A-Za-z_]\w*)['"]"""  # os.environ["NAME"]
    r"""|Config\ '(\w+)'\ is\ missing"""  # Starlette
    r"""|UndefinedValueError:\ (\w+)\ not\ found"""  # python-decouple
    r"""|[Ee]nvironment\ variable\ ["'](\w+)["']\ (?:is\ )?not\ set"""  # environs
    r"""|Set\ the\ (\w+)\ environment\ variable""",  # django-environ
    re.VERBOSE,
)
_SETTING = re.compile(
    r"validation errors? for (\w*(?:settings|config|env)\w*)\n([\w.]+)\n\s+Field required", re.IGNORECASE
)
_MODULE = re.compile(r"ModuleNotFoundError: No module named '([\w.]+)'")
_SERVICE = re.compile(
    r"ConnectionRefusedError|[Cc]onnection refused|[Cc]onnect(?:ion)? (?:call )?failed|[Cc]an't connect to"
    r"|Name or service not known|[Nn]ame resolution|nodename nor servname"
)
_TABLE = re.compile(r"no such table|relation \"\S+\" does not exist|UndefinedTable|Table '\S+' doesn't exist")


def lacking_variable(name: str) -> str:
    named = f'env_file = ".env", or env = {{ {name} = "..." }}'
    return f"{name} is not in its environment; export it, or name it in [app]: {named}"


def lacking_module(name: str, python: str) -> str:
    return (
        f"{python} has no module {name!r}; name the Python that has the app's packages: "
        "--python .venv/bin/python, or [app] python"
    )


def cause(printed: str, target: Target, python: str) -> str:
    """The cause and its remedy; "" where what was printed does not tell."""
    if found := _VARIABLE.search(printed):
        return lacking_variable(next(filter(None, found.groups())))
    if found := _SETTING.search(printed):
        return f'its {found[1]} lack {found[2]!r}; name it in [app]: env_file = ".env", or env = {{ NAME = "..." }}'
    if (found := _MODULE.search(printed)) and target.command is None:
        return lacking_module(found[1], python)
    if _TABLE.search(printed):
        return 'its database has no such table; if a command makes it, write before = "alembic upgrade head" into [app]'
    if _SERVICE.search(printed):
        return 'a service that it needs is not there; start it, or write compose = "compose.yaml" into [app]'
    return ""
