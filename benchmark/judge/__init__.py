"""How far a number may be believed, and whether it changed. Pure: numbers in, findings out."""
