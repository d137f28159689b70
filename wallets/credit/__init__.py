"""Who is warned, cut and restored, and why."""
