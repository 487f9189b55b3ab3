"""Finds the app of a folder and its endpoints, and looks at an app for the first time."""
