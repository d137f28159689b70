"""What a person at the console is told in one sentence, instead of a traceback."""

from quantify.stack.accounts import AccountUnavailable
from quantify.stack.binaries import ServersNotInstalled
from quantify.stack.demo import PortInUse, PreparationFailed
from quantify.stack.instance import AlreadyRunning, NotRunning
from quantify.stack.leftovers import StillInUse
from quantify.stack.postgres import DatabaseUnusable
from quantify.stack.quarters import NotReachable
from quantify.stack.slots import NoSlotFree
from quantify.stack.supervisor import GaveUp

REFUSALS = (
    AccountUnavailable,
    AlreadyRunning,
    DatabaseUnusable,
    GaveUp,
    NoSlotFree,
    NotReachable,
    NotRunning,
    PermissionError,
    PortInUse,
    PreparationFailed,
    ServersNotInstalled,
    StillInUse,
)
