"""Measurements that documents quote: `make experiment NAME=scale`. Not tests."""
