"""Image encoders with published weights, shared by generator and detector."""
