"""The static site: `bench site`."""
