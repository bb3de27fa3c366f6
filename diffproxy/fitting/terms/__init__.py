"""What the fit minimises."""
