"""`python -m scripts` is the same as `bench`; so is `python FOLDER/scripts`, in whatever folder one is."""

import sys
from pathlib import Path

if not __package__:  # called by its path: what is here is ours, and what lies in the folder one is in is not
    sys.path[0] = str(Path(__file__).resolve().parents[1])

from scripts.cli import main

main()
