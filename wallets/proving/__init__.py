"""The books worked out a second time, and what differs."""
