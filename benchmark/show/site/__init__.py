"""The page: a static site made from the records. It needs no server, and nothing outside of its own folder."""
