"""Playing the day: the product's own functions, round after round, as its tasks call them."""

import asyncio
from collections import Counter
from collections.abc import Awaitable
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from decimal import ROUND_UP, Decimal
from random import Random
from uuid import UUID

from django.db import connection

from meters.alerts import silence
from meters.collecting import collection
from meters.control import reconciliation, requests
from meters.models import Command, Concentrator, Meter
from meters.readings import Recorded
from notifications import outbox
from notifications.models import Notification
from quantify.tests.faulty_line import FAIR, Frame, Trouble, Weather
from quantify.tests.field.script import HOUR, MINUTE, PRICE, Home, Mishap, Purse
from quantify.tests.field.site import Site
from quantify.tests.field.witness import Witness
from units.models import Unit
from wallets import topups
from wallets.billing import runs
from wallets.credit import control
from wallets.models import CreditSwitch

QUARTER = timedelta(minutes=15)
CENT, TWENTY = Decimal("0.01"), Decimal(20)
ASSOCIATE = 0x60
COSTLY = (Trouble.SILENCE, Trouble.SLOW)
CHEAP = tuple(trouble for trouble in Trouble if trouble not in COSTLY)
ENDINGS = (Trouble.RESET, Trouble.FIN) * 4 + (Trouble.SILENCE,)
FAIR_SHARE, COSTLY_SHARE = 0.4, 0.03


class Play:
    """One day at a site; `count` and `recorded` say what was done, `paid` who was told of it."""

    def __init__(self, site: Site, *, seed: int) -> None:
        self.site, self.day = site, site.day
        self.witness = Witness(
            site.day, site.homes, lambda device: site.fleet[device], site.clock.now
        )
        self.count: Counter[str] = Counter()
        self.recorded = Recorded()
        self.paid: list[str] = []
        self._chance = Random(seed)
        self.gaps_seen = 0
        self._is_healed = self._is_sending = False
        self._racing: set[int] = set()
        self._raced: set[int] = set()
        self._homes_of: dict[UUID, int] = {}

    def open(self, *, seed: int) -> None:
        """Start the lines and give each home its first money."""
        self.site.open(self._weather, seed=seed)
        self._homes_of = {meter.pk: device for device, meter in self.site.meters.items()}
        for place, line in self.site.lines.items():
            line.hears = lambda frame, name=str(place): self.witness.hears(name, frame)
            line.delivers = lambda frame, name=str(place): self.witness.delivers(name, frame)
            line.delays = self._delay
        CreditSwitch.objects.get_or_create()
        for home in self.site.homes.values():
            self.pay(home, self._first_money(home))

    def run(self) -> None:
        """The day itself, a round each quarter of an hour."""
        at = self.day.start
        while at < self.day.end:
            at += QUARTER
            self.round(at)

    def heal(self, *, rounds: int) -> None:
        """Lines, meters and claims are well again; what was hidden is asked for by hand."""
        self._is_healed = True
        at = self.day.end
        for _ in range(rounds):
            at += HOUR
            self.round(at)
        for home in self._of(Mishap.DAY_MISSING):
            self._collect(self.site.concentrators[self.site.place(home)], home)
        self.round(at + QUARTER)

    def round(self, at: datetime) -> None:
        """What the beat does in a quarter of an hour, at two minutes past."""
        self.site.clock.jump(at + 2 * MINUTE)
        self._happen(at)
        self._read_all()
        self.count["bills charged"] += runs.bill(now=self.now()).charged
        self._control()
        if at >= self.day.mail_from:
            outbox.deliver_due(now=self.now())
        silence.notice_silence(now=self.now())
        for command in reconciliation.reconcile(now=self.now()).requested:
            self._send(command.pk)
        for home in self.site.homes.values():
            self._maybe_pay(home)
        self.count["rounds"] += 1

    def now(self) -> datetime:
        return self.site.clock.now()

    def pay(self, home: Home, amount: Decimal) -> None:
        """Pay money in, and remember it when it was acknowledged."""
        key = f"{home.serial}-{len(home.paid)}"
        topups.top_up(
            wallet_id=self.site.wallets[home.device].pk,
            amount=amount,
            payment_method="cash",
            reference=key,
            occurred_at=self.now(),
            actor=None,
            idempotency_key=key,
            request_digest="same",
        )
        home.paid.append((self.now(), amount))
        self.paid.append(key)

    # --- What happens to the homes --------------------------------------------------------------

    def _happen(self, at: datetime) -> None:
        CreditSwitch.objects.update(is_inhibited=self.day.is_inhibited(at))
        for home in self.site.homes.values():
            if (home.protected and at in home.protected) or at == self.day.start + QUARTER:
                Unit.objects.filter(pk=self.site.wallets[home.device].unit_id).update(
                    protected_supply=home.is_protected(at)
                )
            if home.mishap is Mishap.CLOCK and home.trouble and home.trouble[0] == at:
                meter = self.site.fleet[home.device]
                meter.set_clock(meter.now() + home.jump)
                self.count["clocks moved"] += 1

    def _first_money(self, home: Home) -> Decimal:
        meter = self.site.fleet[home.device]
        used = (meter.import_register(self.now()) - meter.plan.opening_register) * PRICE
        more = {Purse.RICH: Decimal(5000), Purse.SWINGING: TWENTY}.get(
            home.purse, Decimal(self._chance.randint(5, 120))
        )
        return (used + more).quantize(CENT)

    def _maybe_pay(self, home: Home) -> None:
        if self.site.fleet[home.device].connected or home.kind.has_relay is False:
            return
        lacks = TWENTY - self.witness.credit(home, self.now())
        if home.purse is Purse.SWINGING and lacks > 0:
            self.pay(home, max((lacks + CENT).quantize(CENT, ROUND_UP), Decimal(10)))
        elif home.purse is Purse.LATE and lacks > 0 and self.now() > self.day.share(0.6):
            self.pay(home, Decimal(500) + lacks.quantize(CENT))

    def _of(self, mishap: Mishap) -> list[Home]:
        return [home for home in self.site.homes.values() if home.mishap is mishap]

    # --- Collection -----------------------------------------------------------------------------

    def _read_all(self) -> None:
        """Two workers take the concentrators; meters change hands while they are read."""
        with ThreadPoolExecutor(2) as pool:
            rounds = [
                pool.submit(self._collect, concentrator)
                for concentrator in self.site.concentrators.values()
            ]
            # Who changes hands while the last round goes is read by neither, and by the next.
            for home in [] if self._is_healed else self._of(Mishap.CLAIMED):
                places = [self.site.place(home), self.site.neighbour(home)]
                concentrator = self.site.concentrators[self._chance.choice(places)]
                Meter.objects.filter(pk=self.site.meters[home.device].pk).update(
                    concentrator=concentrator
                )
            for one in rounds:
                one.result()

    def _collect(self, concentrator: Concentrator, home: Home | None = None) -> None:
        asked = {"serial": home.serial, "start": self.day.epoch} if home else {}
        try:
            summary = collection.collect(concentrator_id=concentrator.pk, now=self.now(), **asked)
        finally:
            if not home:
                connection.close()
        self.count["visits"] += summary.asked
        self.count["failed visits"] += len(summary.failures)
        self.count["clocks set"] += summary.clocks_set
        self.recorded += summary.recorded

    # --- Commands -------------------------------------------------------------------------------

    def _control(self) -> None:
        outcome = control.run(now=self.now())
        self.count["cuts refused"] += len(outcome.refused)
        self._hold_mail_back()
        asked = [command.pk for command in outcome.requested]
        for command_id in dict.fromkeys([*asked, *requests.due(self.now())]):
            self._send(command_id)

    def _send(self, command_id: UUID) -> None:
        command = Command.objects.get(pk=command_id)
        device = self._homes_of[command.meter_id]
        races = self.site.homes[device].purse is Purse.RACING and device not in self._raced
        if races and command.action == "disconnect":
            self._racing.add(device)
        self._is_sending = True
        done = control.send(command.pk, now=self.now())
        self._is_sending = False
        self.count[f"{done.action} {done.state}"] += 1

    def _delay(self, frame: Frame) -> Awaitable[None] | None:
        """Money comes in while the line to cut its home is opened, before the order leaves."""
        if frame.apdu[:1] != bytes((ASSOCIATE,)) or frame.meter not in self._racing:
            return None
        self._racing.discard(frame.meter)
        self._raced.add(frame.meter)
        return asyncio.to_thread(self._pay_meanwhile, self.site.homes[frame.meter])

    def _pay_meanwhile(self, home: Home) -> None:
        try:
            self.pay(home, Decimal(3000))
        finally:
            connection.close()
        self.count["payments while a cut was on its way"] += 1

    def _hold_mail_back(self) -> None:
        """Who is never warned: their messages stay where they are."""
        subjects = [
            f"wallet:{self.site.wallets[home.device].pk}"
            for home in self.site.homes.values() if home.unwarned
        ]  # fmt: skip
        Notification.objects.filter(subject_key__in=subjects, state=Notification.State.DUE).update(
            due_at=self.day.end + 365 * 24 * HOUR
        )

    # --- The lines ------------------------------------------------------------------------------

    def _weather(self, _: int, chance: Random) -> Weather:
        drawn = chance.random()
        if self._is_healed or drawn < FAIR_SHARE:
            return FAIR
        if self._is_sending:
            # The order goes out, and what the meter says of it does not come.
            return Weather(chance.choice(ENDINGS), chance.choice([0, 1, 1, 1, 2]))
        kinds = COSTLY if drawn > 1 - COSTLY_SHARE else CHEAP
        return Weather(chance.choice(kinds), chance.choice([0, 0, 1, 2, 3, 8, 20]))
