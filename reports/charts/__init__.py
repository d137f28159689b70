"""Where the marks of charts stand, as templates draw them: plain numbers, no drawing."""
