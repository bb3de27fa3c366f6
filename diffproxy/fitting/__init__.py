"""Fit SMPL-X bodies to proxies: closed-form initial pose, Levenberg-Marquardt or Adam, uncertainty."""

from diffproxy.fitting.config import FitConfig
from diffproxy.fitting.evidence import Evidence, FixedShape
from diffproxy.fitting.fit import fit, fit_many
from diffproxy.fitting.result import FitResult
from diffproxy.fitting.terms.priors import LinearPrior, Prior

__all__ = ["Evidence", "FitConfig", "FitResult", "FixedShape", "LinearPrior", "Prior", "fit", "fit_many"]
