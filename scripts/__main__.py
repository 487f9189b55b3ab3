"""`python -m scripts` is the same as `bench`; so is `python FOLDER/scripts`, in whatever folder one is."""

import sys
from pathlib import Path

sys.path[0] = str(Path(__file__).resolve().parents[1])  # what is here is ours; a load.py where one stands is not

from scripts.cli import main  # noqa: E402 - where to find it had to be said first

main()
