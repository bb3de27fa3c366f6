"""From meshes to linear light: the renderer, its meshes and textures, and what each pixel sees."""
