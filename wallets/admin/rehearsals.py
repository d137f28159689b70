"""Credit control's dry run: who would be cut or restored now, who is spared, and why."""

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import URLPattern, path
from django.utils import timezone

from meters.admin.control import CommandAdmin
from meters.models import Command
from wallets.credit import control, restores
from wallets.models import CreditSwitch, Wallet

admin.site.unregister(Command)


@admin.register(Command)
class RehearsedCommandAdmin(CommandAdmin):
    """Commands, and what credit control would ask for if it ran now."""

    def get_urls(self) -> list[URLPattern]:
        page = self.admin_site.admin_view(self.rehearse)
        urls: list[URLPattern] = super().get_urls()
        return [path("credit-control/", page, name="credit_control"), *urls]

    def rehearse(self, request: HttpRequest) -> HttpResponse:
        """Show the decisions of this moment for the estates of the person; changes nothing."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        wallets = Wallet.objects.visible_to(request.user).values_list("pk", flat=True)
        considered = control.consider(now=timezone.now(), wallet_ids=list(wallets))
        considered.sort(key=lambda one: (not one[1].is_permitted, one[0].unit_number))
        return TemplateResponse(
            request,
            "portal/credit_control.html",
            {
                **self.admin_site.each_context(request),
                "opts": self.opts,
                "title": "Credit control",
                "considered": considered,
                "switched": sum(decision.is_permitted for _, decision in considered),
                "inhibited": restores.is_inhibited(),
                "switch": CreditSwitch.objects.first(),
            },
        )
