"""What is asked of GitHub and told it: issues, comments, `bench doctor`."""
