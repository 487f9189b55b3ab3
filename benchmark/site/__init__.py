"""The page to explore: `bench site`."""
