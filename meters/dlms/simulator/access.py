"""Who a simulated meter lets in: by password or by keys."""

import hmac
from dataclasses import dataclass, field, replace

from meters.dlms.association import (
    AssociationRequest,
    AssociationResponse,
    AssociationResult,
    Context,
    Diagnostic,
)
from meters.dlms.ciphering import Cipher, Keys, Watermark
from meters.dlms.credentials import Mechanism, new_challenge
from meters.dlms.errors import DlmsError

PUBLIC_CLIENT = 16


class OwnCounter:
    """The meter's own invocation counter; it never stands still."""

    def __init__(self, first: int = 1) -> None:
        self.next = first

    def take(self) -> int:
        self.next += 1
        return self.next - 1


@dataclass(slots=True)
class Access:
    """
    What one meter knows of its clients, whatever line they come over.

    ``heard`` is the highest invocation counter that a client used. ``refusals`` counts who was
    not let in.
    """

    mechanism: Mechanism
    title: bytes = b"SIM00001"
    password: bytes = field(default=b"", repr=False)
    keys: Keys | None = field(default=None, repr=False)
    heard: Watermark = field(default_factory=Watermark)
    counter: OwnCounter = field(default_factory=OwnCounter)
    refusals: int = 0


@dataclass(slots=True)
class Admission:
    """
    One client's way in.

    With keys it is not `complete` before the client has proved that it has them.
    """

    cipher: Cipher | None = None
    theirs: bytes = b""
    ours: bytes = b""
    complete: bool = True

    def prove(self, proof: bytes) -> bytes | None:
        """Our own proof, if the client's is right."""
        if self.cipher is None or not self.cipher.is_proof(self.ours, proof):
            return None
        self.complete = True
        return self.cipher.prove(self.theirs)


class Refused(Exception):
    """The client is not let in, for the reason in ``diagnostic``."""

    def __init__(self, diagnostic: Diagnostic) -> None:
        super().__init__(diagnostic.name)
        self.diagnostic = diagnostic


def admit(
    access: Access | None, request: AssociationRequest
) -> tuple[Admission, AssociationRequest]:
    """
    Let a client in, and tell what it asks for, out of its cipher if it is in one.

    :raises Refused: if the client does not show what it must.
    """
    mechanism = access.mechanism if access else Mechanism.NONE
    ciphered = mechanism is Mechanism.HIGH_GMAC
    expected = Context.LOGICAL_NAME_CIPHERED if ciphered else Context.LOGICAL_NAME
    if request.context != expected:
        raise Refused(Diagnostic.CONTEXT_NAME_NOT_SUPPORTED)
    if request.mechanism != mechanism:
        raise Refused(
            Diagnostic.MECHANISM_NAME_NOT_RECOGNISED
            if request.mechanism
            else Diagnostic.AUTHENTICATION_REQUIRED
        )
    if access is None:
        return Admission(), request
    if ciphered:
        return _with_keys(access, request)
    if not hmac.compare_digest(access.password, request.credential):
        access.refusals += 1
        raise Refused(Diagnostic.AUTHENTICATION_FAILURE)
    return Admission(), request


def _with_keys(access: Access, request: AssociationRequest) -> tuple[Admission, AssociationRequest]:
    assert access.keys is not None  # noqa: S101 - high level security comes with keys
    cipher = Cipher(access.title, access.keys, access.counter, access.heard, request.title)
    try:
        opened = request.opened(cipher.open(request.sealed))
    except DlmsError:
        access.refusals += 1
        raise Refused(Diagnostic.AUTHENTICATION_FAILURE) from None
    admission = Admission(cipher, request.credential, new_challenge(), complete=False)
    return admission, opened


def granted(
    access: Access | None, admission: Admission, response: AssociationResponse
) -> AssociationResponse:
    """The response with who we are, and in the cipher if there is one."""
    if access is None or admission.cipher is None:
        return response
    return replace(
        response,
        diagnostic=Diagnostic.AUTHENTICATION_REQUIRED,
        context=Context.LOGICAL_NAME_CIPHERED,
        mechanism=access.mechanism,
        title=access.title,
        credential=admission.ours,
        sealed=admission.cipher.seal(response.initiate()),
    )


def refusal(diagnostic: Diagnostic) -> AssociationResponse:
    return AssociationResponse(AssociationResult.REJECTED_PERMANENT, diagnostic)
