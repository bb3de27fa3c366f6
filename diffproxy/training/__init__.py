"""Training: shards → augmented 4-slot samples → losses → weights. Top floor: may import every room."""
