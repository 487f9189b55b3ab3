"""Checks a published table of load tests against what no load test can give."""
