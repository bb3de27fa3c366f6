"""Bodies without clothes: shape, landmarks, surface mesh, skin."""
