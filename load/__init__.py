"""How an endpoint is loaded: Locust users that are told by data what to request. Knows nothing of results."""
