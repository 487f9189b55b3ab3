"""What the numbers mean: measure, explain, judge, show, publish, on a ground floor that all of them share."""
