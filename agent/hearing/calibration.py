"""What a forest's shares of votes are worth as probabilities.

Half of five hundred trees may be wrong about a second when hardly one verdict in a hundred is: trees that see
a share of the seconds, in leaves of several, are far less sure together than they are right. One temperature
mends that, C. Guo et al., "On Calibration of Modern Neural Networks", ICML 2017: it changes how sure a
verdict is, never which sound is the most probable.
"""

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field

FLOOR = 0.002
"""Added to every share, one vote of 500, so that what no tree has seen stays possible."""


class Calibration(BaseModel):
    """One number that makes shares of votes probabilities."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    temperature: float = Field(gt=0, allow_inf_nan=False)
    """Below 1 the forest was less sure than right, above 1 surer."""

    def apply(self, shares: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the probabilities of (n, classes) shares of votes; each row sums to 1."""
        logarithms = np.log(shares + FLOOR) / self.temperature
        # The largest is 0 then, and no power overflows.
        logarithms -= logarithms.max(axis=1, keepdims=True, initial=-np.inf)
        powers = np.exp(logarithms)
        probabilities: NDArray[np.float64] = powers / powers.sum(axis=1, keepdims=True)
        return probabilities
