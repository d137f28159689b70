"""Work in the background: how tasks run, where they queue, and when they are due."""

from celery.schedules import crontab

from quantify.settings.environment import env
from quantify.settings.servers import REDIS_URL, VALKEY_PATIENCE

CELERY_BROKER_URL = REDIS_URL
CELERY_TASK_IGNORE_RESULT = True
CELERY_TASK_ACKS_LATE = True
CELERY_TASK_REJECT_ON_WORKER_LOST = False
CELERY_TASK_TIME_LIMIT = 300
CELERY_TASK_SOFT_TIME_LIMIT = 240
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
CELERY_WORKER_MAX_TASKS_PER_CHILD = 1000
CELERY_ACCEPT_CONTENT = ["json"]
CELERY_BROKER_TRANSPORT_OPTIONS = {
    "visibility_timeout": 900,
    "socket_timeout": 4 * VALKEY_PATIENCE,
    "socket_connect_timeout": 4 * VALKEY_PATIENCE,
    # Who wakes a worker after a payment asks once more; workers and beat try on by themselves.
    "max_retries": 1,
    "interval_start": 0,
    "interval_step": 0,
    "interval_max": 0,
}
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_TASK_DEFAULT_QUEUE = "quantify"
# A resident who paid waits for the light: not behind a collection that takes its time.
CELERY_TASK_ROUTES = {
    "wallets.tasks.control_credit": {"queue": "control"},
    "wallets.tasks.send_commands": {"queue": "control"},
}
CELERY_TIMEZONE = "Africa/Johannesburg"
COLLECTION_SECONDS = env.int("COLLECTION_SECONDS", default=15 * 60)
UPLINK_RETENTION_DAYS = env.int("UPLINK_RETENTION_DAYS", default=180)
CELERY_BEAT_SCHEDULE = {
    "collect every concentrator": {
        "task": "meters.tasks.collect_all",
        "schedule": COLLECTION_SECONDS,
    },
    "bill what was metered": {"task": "wallets.tasks.bill", "schedule": COLLECTION_SECONDS},
    "decide credit": {"task": "wallets.tasks.control_credit", "schedule": 60.0},
    "send commands that are due": {"task": "wallets.tasks.send_commands", "schedule": 10.0},
    "reconcile relays": {"task": "wallets.tasks.reconcile_relays", "schedule": 15 * 60.0},
    "deliver notifications": {"task": "notifications.tasks.deliver", "schedule": 30.0},
    "make partitions ahead": {"task": "meters.tasks.make_partitions", "schedule": 6 * 3600.0},
    "check finished days": {"task": "meters.tasks.check_meters", "schedule": 300.0},
    "price findings": {"task": "wallets.tasks.price_findings", "schedule": 300.0},
    "raise alerts": {"task": "meters.tasks.raise_alerts", "schedule": 300.0},
    "read uplinks that were left": {"task": "meters.tasks.read_uplinks", "schedule": 60.0},
    "forget old answers": {
        "task": "accounts.tasks.forget_old_answers",
        "schedule": crontab(hour=3, minute=45),
    },
    "forget old sessions": {
        "task": "accounts.tasks.forget_old_sessions",
        "schedule": crontab(minute=20),
    },
    "delete old uplinks": {
        "task": "meters.tasks.purge_uplinks",
        "schedule": crontab(hour=3, minute=15),
    },
    "close the accounts of the day": {
        "task": "wallets.tasks.close_accounts",
        "schedule": crontab(hour=2, minute=0),
    },
    "close the months that are over": {
        "task": "wallets.tasks.close_months",
        "schedule": crontab(hour=3, minute=0),
    },
    "tell of water in debt": {
        "task": "wallets.tasks.tell_of_debts",
        "schedule": crontab(hour=9, minute=0),
    },
    "tell of statements": {
        "task": "wallets.tasks.tell_of_statements",
        "schedule": crontab(hour=8, minute=0),
    },
    "add up the ledger": {
        "task": "wallets.tasks.verify_ledger",
        "schedule": crontab(hour=2, minute=30),
    },
}
