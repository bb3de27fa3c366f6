"""One camera, one picture or video: everybody in it in metres, with one focal length for the whole picture."""
