"""Functions of one variable that the engine runs as tables, in float64.

A function takes an array and its parameters and is total: outside its domain it gives the value at
the domain's edge (Sqrt of a negative number is 0, Log is -inf), never NaN for a number.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

_erf = np.vectorize(math.erf, otypes=[np.float64])
_erfc = np.vectorize(math.erfc, otypes=[np.float64])


def _sigmoid(x: Array) -> Array:
    return np.asarray(np.exp(-np.logaddexp(0, -x)))  # keeps relative precision far below zero


def _where(condition: NDArray[np.bool_], yes: Array, no: Array) -> Array:
    return np.asarray(np.where(condition, yes, no))


def _gelu_tanh(x: Array) -> Array:
    return x * _sigmoid(2 * math.sqrt(2 / math.pi) * (x + 0.044715 * x**3))


def _pow(x: Array, exponent: float) -> Array:
    return np.asarray(np.power(x if exponent == int(exponent) else np.maximum(x, 0), exponent))


FUNCTIONS: dict[str, Callable[..., Array]] = {
    "Abs": np.abs,
    "Celu": lambda x, alpha: np.maximum(x, 0) + np.minimum(alpha * np.expm1(np.minimum(x, 0) / alpha), 0),
    "Elu": lambda x, alpha: _where(x > 0, x, alpha * np.expm1(np.minimum(x, 0))),
    "Erf": _erf,
    "Exp": np.exp,
    "Gelu": lambda x: 0.5 * x * _erfc(-x / math.sqrt(2)),
    "GeluTanh": _gelu_tanh,
    "HardSigmoid": lambda x, alpha, beta: np.clip(alpha * x + beta, 0, 1),
    "HardSwish": lambda x: x * np.clip(x / 6 + 0.5, 0, 1),
    "LeakyRelu": lambda x, alpha: _where(x > 0, x, alpha * x),
    "Log": lambda x: np.log(np.maximum(x, 0)),
    "Mish": lambda x: x * np.tanh(np.logaddexp(0, x)),
    "Neg": np.negative,
    "Pow": _pow,
    "Reciprocal": lambda x, numerator: numerator / x,
    "Selu": lambda x, alpha, gamma: gamma * _where(x > 0, x, alpha * np.expm1(np.minimum(x, 0))),
    "SiLU": lambda x, beta: x * _sigmoid(beta * x),
    "Sigmoid": _sigmoid,
    "Softplus": lambda x: np.logaddexp(0, x),
    "Softsign": lambda x: x / (1 + np.abs(x)),
    "Sqrt": lambda x: np.sqrt(np.maximum(x, 0)),
    "Tanh": np.tanh,
    "ThresholdedRelu": lambda x, alpha: _where(x > alpha, x, np.zeros_like(x)),
}


def apply(name: str, x: Array, parameters: tuple[float, ...] = ()) -> Array:
    """Return the function of every element, without numpy's warnings on overflow and poles."""
    with np.errstate(all="ignore"):
        return np.asarray(FUNCTIONS[name](np.asarray(x, np.float64), *parameters), np.float64)
