"""A run directory becomes part of the repository."""
