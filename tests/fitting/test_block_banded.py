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


def test_covariances_of_a_long_stiff_stretch_stay_exact():
    """Smooth motion in most directions and frames that say much or little: rounding errors must not grow backwards."""
    rng, frames, size = np.random.default_rng(0), 80, 6
    band, dense = BlockBandedMatrix(frames, size), np.zeros((frames * size, frames * size))
    stiff = 10.0 ** np.linspace(1, 3.5, size)
    for i in range(frames):
        seen = rng.normal(size=(size, size)) * 10.0 ** rng.uniform(-1, 3, size)[:, None]
        for first, J in ((i, [seen]), (i, [np.diag(stiff * w) for w in (1, -2, 1)])):
            if first + len(J) <= frames:
                band.add(first, J)
                rows = slice(first * size, (first + len(J)) * size)
                wide = np.concatenate(J, axis=1)
                dense[rows, rows] += wide.T @ wide
    inverse = np.linalg.inv(dense)
    for i, block in enumerate(band.factor().covariances()):
        rows = slice(i * size, (i + 1) * size)
        np.testing.assert_allclose(block, inverse[rows, rows], rtol=1e-6, atol=1e-9)


def test_an_indefinite_matrix_is_refused():
    band = BlockBandedMatrix(2, 3)
    with pytest.raises(np.linalg.LinAlgError):
        band.factor()
