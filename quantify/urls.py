"""Every address of the project."""

from django.contrib import admin
from django.urls import include, path, re_path
from django.views.generic import RedirectView
from rest_framework.routers import SimpleRouter

from accounts.api.batch import Batch
from accounts.api.roles import RoleViewSet
from accounts.own_account import Enrol, MyAccount
from accounts.own_password import ChangePassword
from accounts.own_sessions import MySessions
from accounts.pages import EnterCode, PasswordIsSet, SetPassword
from estates.api.audit import AuditViewSet
from estates.api.keys import ApiKeyViewSet
from estates.api.people import UserViewSet
from estates.api.views import Me
from meters.api.alerts import AlertViewSet
from meters.api.checks import EstateChecks
from meters.api.chirpstack import Chirpstack
from meters.api.drift import RelayDriftViewSet
from meters.api.findings import FindingViewSet
from meters.api.importing import ReadingImport
from meters.api.series import EventViewSet, IntervalViewSet, ReadingViewSet
from meters.api.views import ConcentratorViewSet, MeterViewSet
from notifications.api.views import (
    DeliveryViewSet,
    DeviceViewSet,
    OwnSettings,
)
from quantify import metrics
from quantify.api import documents, health
from quantify.portal.choices import Autocomplete
from rates.api.references import ReferenceViewSet
from rates.api.views import AssignmentViewSet, EstateRatesViewSet, UnitRatesViewSet
from reports.api.estates import EstateWithStatisticsViewSet
from reports.api.rates import SimulatedRateTableViewSet
from reports.api.reports import view_of
from reports.api.resale import ResaleCompliance
from reports.api.search import Search
from reports.catalogue import REPORTS
from units.api.announcements import AnnouncingViewSet
from units.api.consents import ConsentViewSet, ResidentConsentViewSet
from units.api.residents import ResidentViewSet
from units.api.sign_ins import SignInViewSet
from units.api.templates import EstateTemplateViewSet
from wallets.api.accounts import Accounts
from wallets.api.closings import BillDifferenceViewSet, MonthClosingViewSet
from wallets.api.commands import CommandViewSet
from wallets.api.office import AdjustmentViewSet
from wallets.api.settlements import SettlementViewSet
from wallets.api.suspense import SuspenseViewSet
from wallets.api.units import SuppliedUnitViewSet
from wallets.api.views import TransactionViewSet, WalletViewSet

router = SimpleRouter(trailing_slash=False, use_regex_path=False)
router.register("adjustments", AdjustmentViewSet, "adjustment")
router.register("api-keys", ApiKeyViewSet, "api-key")
router.register("audit-log", AuditViewSet, "audit-entry")
router.register("consents", ConsentViewSet, "consent")
router.register("estates", EstateWithStatisticsViewSet, "estate")
router.register("findings", FindingViewSet, "finding")
router.register("concentrators", ConcentratorViewSet, "concentrator")
router.register("meter-alerts", AlertViewSet, "meter-alert")
router.register("meters", MeterViewSet, "meter")
router.register("rate-assignments", AssignmentViewSet, "rate-assignment")
router.register("rate-tables", SimulatedRateTableViewSet, "rate-table")
router.register("relay-drift", RelayDriftViewSet, "relay-drift")
router.register("notifications", AnnouncingViewSet, "notification")
router.register("notification-templates", EstateTemplateViewSet, "notification-template")
router.register("deliveries", DeliveryViewSet, "delivery")
router.register("devices", DeviceViewSet, "device")
router.register("residents", ResidentViewSet, "resident")
router.register("month-closings", MonthClosingViewSet, "month-closing")
router.register("bill-differences", BillDifferenceViewSet, "bill-difference")
router.register("roles", RoleViewSet, "role")
router.register("settlements", SettlementViewSet, "settlement")
router.register("suspense", SuspenseViewSet, "suspense")
router.register("transactions", TransactionViewSet, "transaction")
router.register("units", SuppliedUnitViewSet, "unit")
router.register("users", UserViewSet, "user")
router.register("wallets", WalletViewSet, "wallet")

api = [
    path("notification-settings", OwnSettings.as_view(), name="notification-settings"),
    path("search", Search.as_view(), name="search"),
    path("batch", Batch.as_view(), name="batch"),
    path("auth/me", Me.as_view(), name="me"),
    path("health/live", health.Live.as_view(), name="health-live"),
    path("health/ready", health.Ready.as_view(), name="health-ready"),
    path("schema", documents.Document.as_view(), name="api-schema"),
    path("docs", documents.Swagger.as_view(), name="api-docs"),
    path("redoc", documents.Redoc.as_view(), name="api-redoc"),
    path("problems/<slug:code>", documents.ProblemPage.as_view(), name="api-problem"),
    path("estates/<uuid:pk>/checks", EstateChecks.as_view(), name="estate-checks"),
    path("estates/<uuid:pk>/accounts", Accounts.as_view(), name="estate-accounts"),
    path(
        "estates/<uuid:pk>/assign-rates",
        EstateRatesViewSet.as_view({"get": "list", "post": "create"}),
        name="estate-rates",
    ),
    path(
        "units/<uuid:pk>/assign-rates",
        UnitRatesViewSet.as_view({"get": "list", "post": "create"}),
        name="unit-rates",
    ),
    path(
        "estates/<uuid:pk>/reference-rates",
        ReferenceViewSet.as_view({"get": "list", "put": "update"}),
        name="reference-rates",
    ),
    *(
        path(f"reports/{slug}", view_of(report).as_view(), name=slug)
        for slug, report in REPORTS.items()
    ),
    path("reports/resale-compliance", ResaleCompliance.as_view(), name="resale-compliance"),
    path("integrations/chirpstack", Chirpstack.as_view(), name="chirpstack"),
    path(
        "residents/<uuid:pk>/sign-in",
        SignInViewSet.as_view({"post": "create", "delete": "destroy"}),
        name="resident-sign-in",
    ),
    path(
        "residents/<uuid:pk>/consents",
        ResidentConsentViewSet.as_view({"get": "list", "post": "create"}),
        name="resident-consents",
    ),
    path("readings/import", ReadingImport.as_view(), name="reading-import"),
    path(
        "meters/<uuid:pk>/readings",
        ReadingViewSet.as_view({"get": "list", "post": "create"}),
        name="meter-readings",
    ),
    path(
        "meters/<uuid:pk>/intervals",
        IntervalViewSet.as_view({"get": "list"}),
        name="meter-intervals",
    ),
    path(
        "meters/<uuid:pk>/events",
        EventViewSet.as_view({"get": "list"}),
        name="meter-events",
    ),
    path(
        "meters/<uuid:pk>/commands",
        CommandViewSet.as_view({"get": "list", "post": "create"}),
        name="meter-commands",
    ),
    *router.urls,
    re_path("", documents.Nothing.as_view()),
]

urlpatterns = [
    path("", RedirectView.as_view(pattern_name="admin:index"), name="home"),
    path("admin/autocomplete/", admin.site.admin_view(Autocomplete.as_view(admin_site=admin.site))),
    path("admin/sign-in/code", EnterCode.as_view(), name="enter-code"),
    path("admin/account", MyAccount.as_view(), name="my-account"),
    path("admin/account/sessions", MySessions.as_view(), name="my-sessions"),
    path("admin/account/second-factor", Enrol.as_view(), name="enrol"),
    path("admin/password_change/", ChangePassword.as_view(), name="change-password"),
    path("admin/", admin.site.urls),
    path("set-password/<uidb64>/<token>", SetPassword.as_view(), name="set-password"),
    path("password-is-set", PasswordIsSet.as_view(), name="password-set"),
    path("api/v1/", include(api)),
    path("metrics", metrics.scrape, name="metrics"),
    re_path("^api/", documents.Nothing.as_view()),
]

handler400 = "quantify.api.documents.bad_request"
handler500 = "quantify.api.documents.server_error"
