"""What queueing theory says the numbers must be. Pure: a Plan in, figures out."""
