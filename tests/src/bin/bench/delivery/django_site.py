"""A small Django site as `startproject` makes one, with its password-reset view."""

import os

from django.conf import settings
from django.core.wsgi import get_wsgi_application
from django.urls import include, path

HERE = os.path.dirname(os.path.abspath(__file__))
USERS = 1000

settings.configure(
    DEBUG=False,
    SECRET_KEY="of this benchmark alone",
    ALLOWED_HOSTS=["127.0.0.1"],
    ROOT_URLCONF=__name__,
    INSTALLED_APPS=["django.contrib." + name for name in ("admin", "auth", "contenttypes", "sessions", "messages", "staticfiles")],
    MIDDLEWARE=[
        "django.middleware.security.SecurityMiddleware",
        "django.contrib.sessions.middleware.SessionMiddleware",
        "django.middleware.common.CommonMiddleware",
        "django.middleware.csrf.CsrfViewMiddleware",
        "django.contrib.auth.middleware.AuthenticationMiddleware",
        "django.contrib.messages.middleware.MessageMiddleware",
        "django.middleware.clickjacking.XFrameOptionsMiddleware",
    ],
    TEMPLATES=[{
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "APP_DIRS": True,
        "OPTIONS": {"context_processors": [
            "django.template.context_processors.request",
            "django.contrib.auth.context_processors.auth",
            "django.contrib.messages.context_processors.messages",
        ]},
    }],
    DATABASES={"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": os.path.join(HERE, "db.sqlite3")}},
    DEFAULT_AUTO_FIELD="django.db.models.BigAutoField",
    DEFAULT_FROM_EMAIL="no-reply@shop.example",
    EMAIL_BACKEND="django.core.mail.backends.smtp.EmailBackend",
    EMAIL_HOST="127.0.0.1",
    EMAIL_PORT=int(os.environ["RELAY_PORT"]),
    STATIC_URL="static/",
    USE_TZ=True,
)
application = get_wsgi_application()
urlpatterns = [path("", include("django.contrib.auth.urls"))]

if __name__ == "__main__":
    from django.contrib.auth.hashers import make_password
    from django.contrib.auth.models import User
    from django.core.management import call_command

    call_command("migrate", verbosity=0)
    password = make_password("correct horse battery staple")
    names = [f"user{number}" for number in range(1, USERS + 1)]
    User.objects.bulk_create(User(username=name, email=name + "@mail.example", password=password) for name in names)
