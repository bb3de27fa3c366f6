"""Where poses come from, and whether a body can be in them."""
