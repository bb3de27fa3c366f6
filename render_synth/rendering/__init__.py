"""Meshes, textures, path tracing and visibility."""
