"""Pictures of what records hold: Altair specifications, and SVG files that are the same bytes on every machine."""
