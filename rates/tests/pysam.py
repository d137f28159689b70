"""
Utilityrate5 of the NREL System Advisor Model, as a second opinion on a year of charges.

Its year has 365 days and begins on a Monday, as 2018 did. It knows one kind of weekend, so that
Saturdays and Sundays of different hours are two runs, each with its own part of the load. It
knows no holidays, no days in its fixed charges, and adds binary floats.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

HOURS = 8_760
QUARTERS_PER_HOUR = 4
WH_PER_KWH = 1_000
NO_LIMIT = 1e38
NO_EXPORT_CREDIT = 4  # net billing; nothing is exported

type Matrix = Sequence[Sequence[float]]


def charges(
    wh: NDArray[np.integer[Any]],
    *,
    weekday: Matrix,
    weekend: Matrix,
    tiers: Matrix,
    per_month: float = 0,
    demand: float = 0,
) -> list[float]:
    """
    The charges of the twelve months for quarter hours of use.

    `weekday` and `weekend` give the period (from 1) of each month and hour, `tiers` the rows
    (period, tier, limit, price), `demand` the price of the month's highest kW.
    """
    import PySAM.Utilityrate5

    model = PySAM.Utilityrate5.new()
    model.Lifetime.analysis_period = 1
    model.Lifetime.system_use_lifetime_output = 0
    model.Lifetime.inflation_rate = 0
    model.SystemOutput.degradation = [0]
    model.SystemOutput.gen = [0.0] * len(wh)
    model.Load.load = (wh * (QUARTERS_PER_HOUR / WH_PER_KWH)).tolist()
    rates = model.ElectricityRates
    for unused in (
        "rate_escalation", "ur_annual_min_charge", "ur_en_ts_buy_rate", "ur_en_ts_sell_rate",
        "ur_monthly_min_charge", "ur_nm_credit_month", "ur_nm_credit_rollover",
        "ur_nm_yearend_sell_rate", "ur_sell_eq_buy",
    ):  # fmt: skip
        setattr(rates, unused, [0] if unused == "rate_escalation" else 0)
    rates.en_electricity_rates = 1
    rates.ur_metering_option = NO_EXPORT_CREDIT
    rates.ur_monthly_fixed_charge = per_month
    rates.ur_ec_sched_weekday, rates.ur_ec_sched_weekend = weekday, weekend
    rates.ur_ec_tou_mat = [
        [period, tier, limit, 0, price, 0] for period, tier, limit, price in tiers
    ]
    rates.ur_dc_enable = int(bool(demand))
    if demand:
        rates.ur_dc_sched_weekday = rates.ur_dc_sched_weekend = [[1] * 24] * 12
        rates.ur_dc_tou_mat = [[1, 1, NO_LIMIT, 0]]
        rates.ur_dc_flat_mat = [[month, 1, NO_LIMIT, demand] for month in range(12)]
    model.execute(0)
    return list(model.Outputs.year1_monthly_utility_bill_wo_sys)
