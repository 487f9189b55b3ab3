"""Records become Markdown and SVG."""
