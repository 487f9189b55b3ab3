"""What is measured: a small FastAPI app that knows nothing of benchmarks."""
