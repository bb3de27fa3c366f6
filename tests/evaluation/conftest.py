"""The rigs and made-up generators of the pipeline's tests."""

from tests.pipeline.conftest import oracle_of, params_of  # noqa: F401
