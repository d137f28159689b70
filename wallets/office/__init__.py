"""What people do with money at the counter and in the office."""
