import math

import numpy as np

from diffproxy.geometry.levenberg_marquardt import Propose, minimize

TARGET = np.array([1.0, 1.0])


def residuals(x: np.ndarray) -> np.ndarray:
    """Rosenbrock's function as a sum of squares."""
    return np.array([1 - x[0], 10 * (x[1] - x[0] ** 2)])


def cost(x: np.ndarray) -> float:
    return float(np.square(residuals(x)).sum())


def linearize(x: np.ndarray) -> Propose[np.ndarray]:
    J = np.array([[-1.0, 0.0], [-20 * x[0], 10.0]])
    H, g = J.T @ J, J.T @ residuals(x)
    return lambda damping: x - np.linalg.solve(H + damping * np.diag(np.diag(H)), g)


def test_a_curved_valley_is_followed_to_its_end():
    found = minimize(np.array([-1.2, 1.0]), cost, linearize, 60, 1e-12)
    np.testing.assert_allclose(found.state, TARGET, atol=1e-6)
    assert found.cost == cost(found.state) and found.iterations < 60 and found.converged


def test_no_step_leaves_the_state_with_the_lowest_cost():
    start = np.array([-1.2, 1.0])
    costs = [minimize(start, cost, linearize, n, 0.0).cost for n in range(8)]
    assert costs[0] == cost(start) and costs == sorted(costs, reverse=True) and costs[-1] < costs[0]


def test_singular_and_infinite_steps_are_rejected_until_the_damping_is_large():
    """Undamped steps fail in both ways; with a damping of 1 they are good."""

    def propose_from(x: np.ndarray) -> Propose[np.ndarray]:
        def propose(damping: float) -> np.ndarray | None:
            if damping < 0.05:
                return None
            return x + (TARGET - x if damping >= 1 - 1e-9 else math.nan)

        return propose

    found = minimize(np.zeros(2), cost, propose_from, 20, 1e-12)
    np.testing.assert_array_equal(found.state, TARGET)


def test_it_gives_up_where_no_step_helps():
    found = minimize(np.zeros(2), cost, lambda x: lambda damping: None, 50, 1e-12)
    np.testing.assert_array_equal(found.state, np.zeros(2))
    assert not found.converged and found.iterations < 50
