#!/usr/bin/env python3
"""A project around views.py that is just large enough to run.

    DATABASE=/tmp/users.db python3 manage.py try "Ann Other <ann@example.org>"   # a user to begin with
    DATABASE=/tmp/users.db python3 manage.py serve 8000
"""

import os
import sys
from email.utils import parseaddr
from pathlib import Path
from wsgiref.simple_server import WSGIRequestHandler, make_server

import django
from django.conf import settings
from django.core.management import call_command, execute_from_command_line
from django.core.wsgi import get_wsgi_application

HERE = Path(__file__).resolve().parent
sys.path.append(str(HERE.parent / "python"))  # resetd.py; in your project it lies beside views.py

settings.configure(
    SECRET_KEY=os.environ.get("SECRET_KEY", "only for trying it out"),
    ALLOWED_HOSTS=["127.0.0.1"],
    ROOT_URLCONF="urls",
    INSTALLED_APPS=["django.contrib.auth", "django.contrib.contenttypes", "django.contrib.sessions"],
    MIDDLEWARE=[
        "django.middleware.security.SecurityMiddleware",
        "django.contrib.sessions.middleware.SessionMiddleware",
        "django.middleware.csrf.CsrfViewMiddleware",
        "django.contrib.auth.middleware.AuthenticationMiddleware",
    ],
    TEMPLATES=[{"BACKEND": "django.template.backends.django.DjangoTemplates", "DIRS": [HERE / "templates"]}],
    DATABASES={"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": os.environ.get("DATABASE", "users.db")}},
    DEFAULT_AUTO_FIELD="django.db.models.BigAutoField",
    AUTH_PASSWORD_VALIDATORS=[
        {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator", "OPTIONS": {"min_length": 12}},
        {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    ],
    LOGIN_REDIRECT_URL="/login",
    RESETD_PORTAL="shop",
    RESETD_SOCKET=os.environ.get("RESETD_SOCKET", "/run/resetd/resetd.sock"),
)


def try_out(person):
    django.setup()
    from django.contrib.auth.models import User

    call_command("migrate", verbosity=0)
    name, email = parseaddr(person)
    User.objects.create_user(email, email, "correct horse battery staple", first_name=name)


class Quiet(WSGIRequestHandler):
    def log_message(self, *_):
        """A token stands in the address, and a log is no place for it. (`runserver` logs it: mind what yours does.)"""


def serve(port):
    with make_server("127.0.0.1", int(port), get_wsgi_application(), handler_class=Quiet) as server:
        print(f"http://127.0.0.1:{port}", flush=True)
        server.serve_forever()


if sys.argv[1:2] == ["try"]:
    try_out(sys.argv[2])
elif sys.argv[1:2] == ["serve"]:
    serve(sys.argv[2])
else:
    execute_from_command_line(sys.argv)
