"""Training of the body regressor on people that are drawn as keypoints, without rendering."""
