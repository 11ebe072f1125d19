"""Intents by likeness to the examples: least squares with a kernel, and a confidence that means what it says.

Every example's vote for its intent counts by how like it the text is: exp(sharpness · (cosine − 1)), a Gaussian kernel
on directions. The votes are those that fit the training examples best, with a penalty (kernel ridge regression; Rifkin,
Yeo and Poggio, 2003, "Regularized Least-Squares Classification"). It is solved in one step, and what it would have said
of each example without having learned it comes out of the same solution (leave-one-out; Rifkin and Lippert, 2007,
"Notes on Regularized Least Squares"). From that the temperature is fitted which makes scores into probabilities
(Guo et al., 2017, arXiv 1706.04599). Knows neither Rasa nor languages.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import lapack
from scipy.optimize import minimize_scalar

Floats = NDArray[np.float32]
Numbers = NDArray[np.int64]
"""For each example the number of its intent."""

KEPT = 384
SMALLEST = 1e-12


@dataclass(frozen=True, kw_only=True)
class Settings:
    sharpness: float
    """How quickly an example's say fades with the distance."""
    penalty: float
    """How far single examples may be wrong for a smoother whole."""


@dataclass(frozen=True, kw_only=True)
class Machine:
    basis: Floats  # dimensions × those kept
    examples: Floats  # examples × those kept
    votes: Floats  # examples × intents
    shares: Floats  # of all examples, that each intent has
    sharpness: float
    temperature: float

    def probabilities(self, vector: Floats) -> Floats:
        """Of each intent, for one vector of length 1 at most."""
        likeness = np.exp(np.float32(self.sharpness) * (self.examples @ (vector @ self.basis) - 1))
        found: Floats = softmax((likeness @ self.votes + self.shares) / np.float32(self.temperature))
        return found


def learn(vectors: Floats, numbers: Numbers, intents: int, settings: Settings) -> Machine:
    """`vectors`: examples × dimensions, each of length 1. Needs memory for examples² numbers, 4 bytes each."""
    basis = _principal_directions(vectors)
    examples = vectors @ basis
    wanted = np.eye(intents, dtype=np.float32)[numbers]
    shares = wanted.mean(axis=0)
    kernel = np.exp(np.float32(settings.sharpness) * (examples @ examples.T - 1))
    kernel[np.diag_indices_from(kernel)] += np.float32(settings.penalty)
    inverse = _inverse(kernel)
    votes = inverse @ (wanted - shares)
    unseen = wanted - votes / np.diag(inverse)[:, None]  # leave-one-out
    return Machine(
        basis=basis,
        examples=examples,
        votes=votes,
        shares=shares,
        sharpness=settings.sharpness,
        temperature=fit_temperature(unseen, numbers),
    )


def fit_temperature(scores: Floats, numbers: Numbers) -> float:
    """What to divide scores by, so that the right intents get the highest likelihood: between 0.01 and 10."""

    def loss(logarithm: float) -> float:
        probabilities = softmax(scores.astype(np.float64) / np.exp(logarithm))
        return -float(np.log(probabilities[np.arange(len(numbers)), numbers] + SMALLEST).mean())

    return float(np.exp(minimize_scalar(loss, bounds=(np.log(0.01), np.log(10)), method="bounded").x))


def calibration_error(confidences: Floats, right: NDArray[np.bool_], bins: int = 15) -> float:
    """Expected calibration error, 0 to 1: how far confidence and accuracy are apart (Guo et al., 2017)."""
    place = np.minimum((confidences * bins).astype(int), bins - 1)
    return sum(
        float((place == each).mean()) * abs(float(right[place == each].mean() - confidences[place == each].mean()))
        for each in np.unique(place)
    )


def directions(vectors: Floats) -> Floats:
    """Each vector at length 1; a vector of zeros stays one."""
    lengths = np.sqrt((vectors * vectors).sum(axis=-1, keepdims=True))
    result: Floats = vectors / np.maximum(lengths, SMALLEST)
    return result


def softmax(scores: Any) -> Any:
    powers = np.exp(scores - scores.max(axis=-1, keepdims=True))
    return powers / powers.sum(axis=-1, keepdims=True)


def _principal_directions(vectors: Floats) -> Floats:
    """The few directions in which examples differ most, dimensions × those kept: comparing a text with thousands of
    examples costs as much time as memory has to be read."""
    return np.ascontiguousarray(np.linalg.eigh(vectors.T @ vectors)[1][:, -KEPT:])


def _inverse(kernel: Floats) -> Floats:
    """Of a symmetric, positive definite matrix, by Cholesky's factors."""
    factor, failed = lapack.spotrf(kernel, lower=1)
    half, failed_too = lapack.spotri(factor, lower=1) if not failed else (factor, failed)
    if failed or failed_too:
        raise ValueError("The examples' kernel cannot be inverted. Raise the intent classifier's `penalty`.")
    inverse: Floats = np.tril(half) + np.tril(half, -1).T
    return inverse
