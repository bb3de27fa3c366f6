"""How the fit minimises."""
