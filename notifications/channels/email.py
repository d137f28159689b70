"""E-mail, over whatever `MAILERS` says: SMTP, or the console of a developer's machine."""

import smtplib
from email.utils import formataddr, parseaddr
from html import escape

from django.conf import settings
from django.core.mail import EmailMultiAlternatives

from notifications.channels.parcels import Parcel, Refused, Unavailable

PERMANENT = 500


class Email:
    """
    Plain text, and the same as HTML with everything in it escaped.

    The Message-ID is made from the delivery: a mail that is sent again after a crash carries the
    same one, and servers that look for repetitions drop it.
    """

    def send(self, parcel: Parcel) -> str:
        message_id = f"<{parcel.id}@{_domain()}>"
        mail = EmailMultiAlternatives(
            subject=_one_line(parcel.subject),
            body=parcel.body,
            to=[formataddr((_one_line(parcel.name), parcel.address))],
            headers={"Message-ID": message_id, "Auto-Submitted": "auto-generated"},
        )
        mail.attach_alternative(_html(parcel.body), "text/html")
        try:
            mail.send()
        except smtplib.SMTPRecipientsRefused as error:
            codes = [code for code, _ in error.recipients.values()]
            if all(code >= PERMANENT for code in codes):
                raise Refused(f"The server refuses the address ({codes[0]}).") from error
            raise Unavailable(f"The server does not take it now ({codes[0]}).") from error
        except smtplib.SMTPResponseException as error:
            kind = Refused if error.smtp_code >= PERMANENT else Unavailable
            raise kind(f"The server answered {error.smtp_code}.") from error
        except OSError as error:
            raise Unavailable(f"No mail server: {type(error).__name__}.") from error
        except ValueError as error:
            raise Refused("This is no address.") from error
        return message_id


def _domain() -> str:
    return parseaddr(settings.DEFAULT_FROM_EMAIL)[1].rpartition("@")[2] or "localhost"


def _one_line(text: str) -> str:
    return " ".join(text.split())


def _html(text: str) -> str:
    paragraphs = (escape(part).replace("\n", "<br>") for part in text.split("\n\n"))
    return "".join(f"<p>{part}</p>" for part in paragraphs)
