"""Reading out the meters behind concentrators: what to ask, the asking, what came of it."""
