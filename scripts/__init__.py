"""What you can run: one file per `bench` command. They put the parts of `benchmark` together."""
