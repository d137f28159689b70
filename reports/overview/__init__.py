"""The home page's numbers: one module per topic, each a few queries over what a person sees."""
