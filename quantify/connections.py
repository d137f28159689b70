"""Connections to the database that a pool hands out again: are they still there?"""

import select

from psycopg import Connection
from psycopg_pool import ConnectionPool


def check(connection: Connection) -> None:
    """
    Notice a server that hung up, without asking it something before each request.

    Whoever ends a connection, by a restart, a crash or on purpose, leaves something to be read
    from it; only then is the server asked. A line that is cut without a word is noticed by
    neither way before the next statement.

    :raises psycopg.OperationalError: if the connection is not there any more.
    """
    poll = select.poll()
    poll.register(connection.fileno(), select.POLLIN)
    if poll.poll(0):
        ConnectionPool.check_connection(connection)
