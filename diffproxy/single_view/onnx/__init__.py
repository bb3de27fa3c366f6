"""Bodies of everybody in a picture with numpy, OpenCV and onnxruntime alone, from the files that `export` writes."""
