"""The banded solver against dense algebra."""

import numpy as np
import pytest

from diffproxy.fitting.solvers.block_banded import BlockBandedMatrix


def random_band(rng: np.random.Generator, frames: int, size: int) -> tuple[BlockBandedMatrix, np.ndarray]:
    """A banded system and the same matrix, dense."""
    band = BlockBandedMatrix(frames, size)
    dense = np.zeros((frames * size, frames * size))
    for i in range(frames):
        for reach in range(1, min(3, frames - i) + 1):
            J = [rng.normal(size=(size + 2, size)) for _ in range(reach)]
            band.add(i, J)
            wide = np.zeros((size + 2, frames * size))
            wide[:, i * size : (i + reach) * size] = np.concatenate(J, axis=1)
            dense += wide.T @ wide
    return band, dense


@pytest.mark.parametrize("frames", [1, 2, 3, 9])
def test_solution_and_covariances_are_those_of_the_dense_matrix(frames):
    rng = np.random.default_rng(frames)
    size = 4
    band, dense = random_band(rng, frames, size)
    b = rng.normal(size=(frames, size))
    factor = band.factor()
    assert np.allclose(factor.solve(b).ravel(), np.linalg.solve(dense, b.ravel()))
    inverse = np.linalg.inv(dense)
    for i, block in enumerate(factor.covariances()):
        rows = slice(i * size, (i + 1) * size)
        assert np.allclose(block, inverse[rows, rows])


def test_an_indefinite_matrix_is_refused():
    band = BlockBandedMatrix(2, 3)
    with pytest.raises(np.linalg.LinAlgError):
        band.factor()
