"""Training: shards → augmented 4-slot samples → losses → weights."""
