"""Records become Markdown. Everything here is a pure function of the run files: same records, same bytes."""
