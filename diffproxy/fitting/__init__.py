"""Proxies to body: closed-form start, robust Levenberg-Marquardt (or the paper's Adam), uncertainty."""

from diffproxy.fitting.config import FitConfig
from diffproxy.fitting.fit import fit, fit_many
from diffproxy.fitting.priors import LinearPrior, Prior
from diffproxy.fitting.result import FitResult

__all__ = ["FitConfig", "FitResult", "LinearPrior", "Prior", "fit", "fit_many"]
