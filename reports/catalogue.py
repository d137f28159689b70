"""All reports, in the order in which people are shown them."""

from collections.abc import Mapping

from reports import (
    analytics,
    arrears,
    data_quality,
    disconnections,
    estate_consumption,
    low_credit,
    reconciliation,
    resale_compliance,
    revenue,
    transactions,
)
from reports.report import Report

REPORTS: Mapping[str, Report] = {
    report.slug: report
    for report in (
        estate_consumption.REPORT,
        analytics.REPORT,
        reconciliation.REPORT,
        revenue.REPORT,
        transactions.REPORT,
        low_credit.REPORT,
        arrears.REPORT,
        disconnections.REPORT,
        data_quality.REPORT,
    )
}
"""Of which the API, the files and the pages are made."""

PAGES: Mapping[str, Report] = {
    **REPORTS,
    resale_compliance.REPORT.slug: resale_compliance.REPORT,
}
"""And those that have a page and an operation of their own."""
