"""The largest load that meets a latency target: `bench capacity`."""
