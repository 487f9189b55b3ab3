"""What an app printed before it ended tells which key of [app] would help."""

import pytest

from benchmark.measure.causes import cause
from benchmark.plan import Target

OF_OS = '  File "<frozen os>", line 679, in __getitem__\nKeyError: {}\n\nERROR:    Application startup failed. Exiting.'
SETTINGS = (
    "pydantic_core._pydantic_core.ValidationError: 2 validation errors for {}\ndatabase\n  Field required [type=..."
)


@pytest.mark.parametrize(
    ("printed", "said"),
    [
        (OF_OS.format("'SHOP_DB'"), "SHOP_DB is not in its environment; export it, or name it in [app]: env_file"),
        ("KeyError: \"Config 'SHOP_DB' is missing, and has no default.\"", "SHOP_DB is not in its environment"),
        ("decouple.UndefinedValueError: SHOP_DB not found. Declare it", "SHOP_DB is not in its environment"),
        ('environs.EnvError: Environment variable "SHOP_DB" not set', "SHOP_DB is not in its environment"),
        ("ImproperlyConfigured: Set the SHOP_DB environment variable", "SHOP_DB is not in its environment"),
        (SETTINGS.format("Settings"), "its Settings lack 'database'; name it in [app]: env_file"),
        ("ModuleNotFoundError: No module named 'jose'", "python3 has no module 'jose'; name the Python"),
        ("sqlite3.OperationalError: no such table: orders", 'before = "alembic upgrade head"'),
        ('psycopg.errors.UndefinedTable: relation "orders" does not exist', 'before = "alembic upgrade head"'),
        ("ConnectionRefusedError: [Errno 111] Connect call failed ('127.0.0.1', 5432)", 'compose = "compose.yaml"'),
        ("socket.gaierror: [Errno -2] Name or service not known", 'compose = "compose.yaml"'),
    ],
)  # fmt: skip
def test_a_cause_is_named_with_its_remedy(printed: str, said: str) -> None:
    assert said in cause(printed, Target(import_path="main:app"), "python3")


@pytest.mark.parametrize(
    "printed", ["", "KeyError: 'orders'", SETTINGS.format("Order"), "ValueError: 5 is not in list"]
)
def test_what_does_not_tell_is_not_guessed_at(printed: str) -> None:
    assert cause(printed, Target(import_path="main:app"), "python3") == ""
