"""`make bench`: what a turn costs, measured on the running product."""
