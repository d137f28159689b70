"""The ASGI application that a web server calls."""

import os

from django.core.asgi import get_asgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "quantify.settings.prod")

application = get_asgi_application()
