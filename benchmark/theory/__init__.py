"""What queueing theory says of a plan. Pure: no files, no clock."""
