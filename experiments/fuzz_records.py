"""How many changed records are refused, and that none breaks what is published next to it.

What fails is printed, as small as it can be made: keep it as a test in tests/publish/test_fuzzed_records.py.
"""

import argparse
import sys
import tempfile
from collections import Counter
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, Phase, given, settings

from tests.publish.fuzzed_records import World, bases, changed

EXAMPLES = 5000


def main() -> None:
    """Print a line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--examples", type=int, default=EXAMPLES)
    asked = parser.parse_args()
    counted: Counter[str] = Counter()
    with tempfile.TemporaryDirectory() as folder:
        worlds = {name: World(Path(folder) / name, record) for name, record in bases().items()}

        @settings(
            max_examples=asked.examples,
            deadline=None,
            database=None,
            print_blob=True,
            phases=(Phase.generate, Phase.shrink),
            suppress_health_check=list(HealthCheck),
        )
        @given(changed())
        def publish(case: tuple[str, dict[str, Any]]) -> None:
            name, raw = case
            counted["accepted" if worlds[name].survives(raw) else "refused"] += 1
            if not sum(counted.values()) % 100:
                sys.stderr.write(f"{dict(counted)}\n")

        publish()
    sys.stdout.write(f"{sum(counted.values())} changed records: {dict(counted)}; none broke anything\n")


if __name__ == "__main__":
    main()
