"""`python -m scripts` is the same as `bench`."""

from scripts.cli import main

main()
