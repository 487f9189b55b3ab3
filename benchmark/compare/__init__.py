"""Do two versions of an app differ: `bench compare`."""
