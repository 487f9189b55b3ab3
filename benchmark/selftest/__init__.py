"""The smallest change that this machine can show: `bench selftest`."""
