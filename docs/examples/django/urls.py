from django.contrib.auth.views import LoginView, LogoutView
from django.urls import path

import views

urlpatterns = [
    path("login", LoginView.as_view(template_name="accounts/login.html")),
    path("logout", LogoutView.as_view()),
    path("forgot", views.Forgot.as_view()),
    path("reset", views.Reset.as_view()),
]
