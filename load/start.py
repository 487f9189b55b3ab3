"""Starts Locust as `python -m locust` does, without the settings that it would look for on this machine.

~/.locust.conf, locust.conf and [tool.locust] of a pyproject.toml would change a load that benchmark.toml describes.
"""

from functools import partial
from typing import Any

from locust import argument_parser


def main() -> None:
    module: Any = argument_parser
    module.get_empty_argument_parser = partial(module.get_empty_argument_parser, default_config_files=())
    module.get_parser = partial(module.get_parser, default_config_files=())
    from locust.main import main as locust  # noqa: PLC0415 - it takes the parsers as they are when it is imported

    locust()


if __name__ == "__main__":
    main()
