"""How an endpoint is served, found out by a step load: `bench diagnose`."""
