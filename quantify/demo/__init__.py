"""The demonstration: two estates with a history, made by the product's own flow."""
