"""
When it is night: the sun's height over a place.

Formulas of the NOAA solar calculator (after Meeus, Astronomical Algorithms), good to a few
minutes of arc, which is less than half a minute of time. It is dark while the sun stands lower
than at civil dusk and dawn. Times are microseconds since 1970 (UTC), angles degrees.
"""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from meters.vee.validation import INTERVAL, Bools, Ints

type Place = tuple[float, float]
type Floats = npt.NDArray[np.float64]

CIVIL = -6.0
# South Africa lies between these corners: where all are dark, the whole country is. An estate
# without coordinates loses the minutes at both ends of the night that its place would add.
SOUTH_AFRICA: Sequence[Place] = ((-22.1, 16.4), (-22.1, 32.9), (-34.9, 16.4), (-34.9, 32.9))
DAYS_TO_2000 = 10_957.5
DAY = 86_400_000_000.0


def is_dark(start: Ints, places: Sequence[Place]) -> Bools:
    """Which quarters of an hour lie in the dark from end to end, at all of these places."""
    dark = np.ones(len(start), np.bool_)
    for latitude, longitude in places:
        for at in (start, start + INTERVAL):
            dark &= elevation(at, latitude, longitude) < CIVIL
    return dark


def elevation(at: Ints, latitude: float, longitude: float) -> Floats:
    """The sun's height over the horizon, without refraction."""
    days = at / DAY - DAYS_TO_2000
    century = days / 36525
    mean = np.radians((280.46646 + 36000.76983 * century) % 360)
    anomaly = np.radians(357.52911 + 35999.05029 * century)
    eccentricity = 0.016708634 - 0.000042037 * century
    centre = (
        (1.914602 - 0.004817 * century) * np.sin(anomaly)
        + 0.019993 * np.sin(2 * anomaly)
        + 0.000289 * np.sin(3 * anomaly)
    )
    longitude_of_sun = mean + np.radians(centre)
    tilt = np.radians(23.439291 - 0.0130042 * century)
    declination = np.arcsin(np.sin(tilt) * np.sin(longitude_of_sun))
    y = np.tan(tilt / 2) ** 2
    equation_of_time = (
        y * np.sin(2 * mean)
        - 2 * eccentricity * np.sin(anomaly)
        + 4 * eccentricity * y * np.sin(anomaly) * np.cos(2 * mean)
        - 0.5 * y**2 * np.sin(4 * mean)
        - 1.25 * eccentricity**2 * np.sin(2 * anomaly)
    )
    hours = at % int(DAY) / DAY * 360 + np.degrees(equation_of_time) + longitude - 180
    above = np.sin(np.radians(latitude)) * np.sin(declination) + np.cos(
        np.radians(latitude)
    ) * np.cos(declination) * np.cos(np.radians(hours))
    height: Floats = np.degrees(np.arcsin(above))
    return height
