"""From what was metered to what is charged: a charge is the difference of two bills."""
