"""How the portal looks: site name, sidebar and home page of django-unfold."""

UNFOLD: dict[str, object] = {
    "SITE_TITLE": "Quantify",
    "SITE_HEADER": "Quantify",
    "SITE_SYMBOL": "bolt",
    "SHOW_HISTORY": True,
    "SHOW_VIEW_ON_SITE": False,
    "DASHBOARD_CALLBACK": "quantify.portal.dashboard.home",
}
