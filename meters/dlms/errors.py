"""Everything that can go wrong between a head-end and a meter, as one family of errors."""

from enum import IntEnum


class DataAccessResult(IntEnum):
    """Why a meter did not do what was asked (IEC 62056-5-3, Data-Access-Result)."""

    SUCCESS = 0
    HARDWARE_FAULT = 1
    TEMPORARY_FAILURE = 2
    READ_WRITE_DENIED = 3
    OBJECT_UNDEFINED = 4
    OBJECT_CLASS_INCONSISTENT = 9
    OBJECT_UNAVAILABLE = 11
    TYPE_UNMATCHED = 12
    SCOPE_OF_ACCESS_VIOLATED = 13
    DATA_BLOCK_UNAVAILABLE = 14
    LONG_GET_ABORTED = 15
    NO_LONG_GET_IN_PROGRESS = 16
    LONG_SET_ABORTED = 17
    NO_LONG_SET_IN_PROGRESS = 18
    DATA_BLOCK_NUMBER_INVALID = 19
    OTHER_REASON = 250


class DlmsError(Exception):
    """The base of every error this package raises about a peer."""


class FrameError(DlmsError):
    """The peer sent bytes that are not what the standard allows here."""


class ConnectionLost(DlmsError):
    """The TCP connection could not be made, or was closed before the reply was complete."""


class ReplyTimeout(DlmsError):
    """
    No complete reply came in time.

    After an ACTION or a SET the outcome is unknown: read the object back.
    """


class AssociationRefused(DlmsError):
    """The meter did not open an application association (AARE result and diagnostic)."""

    def __init__(self, message: str, *, result: int = 1, diagnostic: int = 0) -> None:
        super().__init__(message)
        self.result = result
        self.diagnostic = diagnostic


class CredentialsRefused(AssociationRefused):
    """
    The meter did not accept our password or key.

    To try again with the same may lock us out of the meter.
    """


class NotGenuine(DlmsError):
    """A message of the meter was not made with its keys, or repeats an earlier one."""


class Repetition(NotGenuine):
    """A message that came in this conversation before, or was overtaken by a later one."""


class CountersUsedUp(DlmsError):
    """There is no invocation counter left for another ciphered message."""


class ServiceRefused(DlmsError):
    """The meter answered with an exception-response or a confirmed service error."""

    def __init__(self, *, state_error: int, service_error: int) -> None:
        super().__init__(f"service refused: state error {state_error}, service {service_error}")
        self.state_error = state_error
        self.service_error = service_error


class AccessDenied(DlmsError):
    """The meter answered one attribute or method with a data-access-result other than success."""

    def __init__(self, result: DataAccessResult, subject: str = "") -> None:
        super().__init__(f"{subject}: {result.name}" if subject else result.name)
        self.result = result


class ObjectUndefined(AccessDenied):
    """The meter has no such object."""


def access_failure(code: int, subject: str = "") -> AccessDenied:
    """
    The error for a data-access-result or action-result code.

    Codes the standard does not name count as "other reason".
    """
    try:
        result = DataAccessResult(code)
    except ValueError:
        result = DataAccessResult.OTHER_REASON
    if result is DataAccessResult.OBJECT_UNDEFINED:
        return ObjectUndefined(result, subject)
    return AccessDenied(result, subject)
