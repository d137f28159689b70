"""The shape of what was used in a gap between two known registers; pure, without a database."""

import numpy as np

from meters.vee.validation import Ints


def spread(totals: Ints, counts: Ints, weights: Ints | None = None) -> Ints:
    """
    Split each total over its count of intervals, in whole Wh or litres, exactly.

    ``weights`` (one per interval, whole numbers) is the place for a like-day profile; without
    them, and where they are all zero, the shape is flat. Each interval gets its share rounded
    down, the last one also the remainder: e_i = floor(G * w_i / sum(w)), sum(e) = G.
    """
    if not len(totals):
        return np.empty(0, np.int64)
    ends = np.cumsum(counts)
    starts = ends - counts
    weights = np.ones(int(ends[-1]), np.int64) if weights is None else weights.copy()
    sums = np.add.reduceat(weights, starts)
    weights[np.repeat(sums == 0, counts)] = 1
    sums = np.where(sums == 0, counts, sums)
    shares: Ints = np.repeat(totals, counts) * weights // np.repeat(sums, counts)
    shares[ends - 1] += totals - np.add.reduceat(shares, starts)
    return shares
