"""The person detector: where a person stands in a picture."""
