"""Django's views for a forgotten password, with resetd in the place of Django's own tokens and mail.

Copy this file, urls.py, the templates, and resetd.py from ../python. In your settings:

    RESETD_PORTAL = "shop"
    RESETD_SOCKET = "/run/resetd/resetd.sock"
"""

import logging

from django import forms
from django.conf import settings
from django.contrib.auth import get_user_model, password_validation
from django.contrib.auth.signals import user_logged_in, user_login_failed
from django.core.exceptions import PermissionDenied
from django.dispatch import receiver
from django.shortcuts import render
from django.utils.decorators import method_decorator
from django.views import View
from django.views.decorators.csrf import csrf_exempt

from resetd import Problem, Refused, Resetd, Unavailable

log = logging.getLogger(__name__)
resetd = Resetd(settings.RESETD_PORTAL, settings.RESETD_SOCKET)


class EmailForm(forms.Form):
    email = forms.EmailField(widget=forms.EmailInput(attrs={"autocomplete": "username", "autofocus": True}))


class CodeForm(forms.Form):
    email = forms.EmailField(widget=forms.EmailInput(attrs={"autocomplete": "username"}))
    code = forms.CharField(max_length=40, widget=forms.TextInput(attrs={"autocomplete": "one-time-code", "inputmode": "numeric"}))


class PasswordForm(forms.Form):
    password = forms.CharField(
        label="New password", strip=False, widget=forms.PasswordInput(attrs={"autocomplete": "new-password", "autofocus": True})
    )

    def __init__(self, user, *arguments):
        super().__init__(*arguments)
        self.user = user

    def clean_password(self):
        """By AUTH_PASSWORD_VALIDATORS."""
        password_validation.validate_password(self.cleaned_data["password"], self.user)
        return self.cleaned_data["password"]


def by_email(email):
    return get_user_model().objects.filter(email__iexact=email, is_active=True).first()


class ResetdView(View):
    """What every page here needs: nobody keeps it, and nothing from elsewhere is loaded."""

    referrer = "same-origin"
    policy = "default-src 'none'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'"

    def dispatch(self, request, *args, **kwargs):
        try:
            response = super().dispatch(request, *args, **kwargs)
        except Refused as refused:
            response = self.sorry(refused.answer, refused.status)
        except Unavailable as error:
            log.warning("resetd: %s", error)
            response = self.sorry("We can not do this right now. Please try again in a moment.", 503)
        response["Cache-Control"] = "no-store"
        response["Referrer-Policy"] = self.referrer
        response["Content-Security-Policy"] = self.policy
        return response

    def sorry(self, text, status):
        return render(self.request, "accounts/sorry.html", {"text": text}, status=status)


class Forgot(ResetdView):
    def get(self, request):
        return render(request, "accounts/forgot.html", {"form": EmailForm()})

    def post(self, request):
        form = EmailForm(request.POST)
        if not form.is_valid():
            return render(request, "accounts/forgot.html", {"form": form}, status=400)
        email = form.cleaned_data["email"]
        user = by_email(email)
        more = {"name": user.get_full_name()} if user and user.get_full_name() else {}
        # Everybody's request goes to resetd, which tells nobody apart; neither does the page.
        resetd.request(str(user.pk) if user else None, user.email if user else email, client=client(request), **more)
        return render(request, "accounts/sent.html")


# Django's check wants an Origin that is ours; from a page without referrer browsers send `Origin: null`. The check is not missed:
# what this form does hangs on the secret in it and not on a cookie, so no other site can send it in somebody's name.
@method_decorator(csrf_exempt, name="dispatch")
class Reset(ResetdView):
    # The page's address holds the token: no site learns it, not even ours.
    referrer = "no-referrer"

    def get(self, request):
        """The link. Looks, and uses nothing up: mail scanners and previews open links too."""
        token = request.GET.get("token", "")
        if not token:
            return self.form(CodeForm(), PasswordForm(None))
        good = resetd.inspect(token=token, client=client(request))
        return self.form(None, PasswordForm(self.user(good)), token)

    def post(self, request):
        if request.headers.get("Sec-Fetch-Site", "none") not in ("same-origin", "none"):
            return self.sorry("That did not come from our site.", 403)
        token = request.POST.get("token", "")
        code = None if token else CodeForm(request.POST)
        who = client(request)
        user = self.user(resetd.inspect(token=token, client=who)) if token else by_email(request.POST.get("email", ""))
        # Before redeem: what is wrong with the password (AUTH_PASSWORD_VALIDATORS) must not cost the link.
        passwords = PasswordForm(user, request.POST)
        if not passwords.is_valid() or (code and not code.is_valid()):
            return self.form(code, passwords, token, status=400)
        if token:
            good = resetd.redeem(token=token, client=who)
        else:
            # For an address without an account the address itself: it is refused and locked as any other is.
            account = str(user.pk) if user else code.cleaned_data["email"]
            good = resetd.redeem(account=account, code=code.cleaned_data["code"], client=who)
        # The account is resetd's word, never the browser's. A new password ends the user's sessions: Django ties them to its hash.
        user = self.user(good)
        user.set_password(passwords.cleaned_data["password"])
        user.save()
        quietly(resetd.completed, good["reset"])
        # No login(): whoever holds the mail has to know the new password too.
        return render(request, "accounts/changed.html")

    def user(self, good):
        user = get_user_model().objects.filter(pk=good["account"], is_active=True).first()
        if not user:
            raise PermissionDenied
        return user

    def form(self, code, passwords, token="", status=200):
        context = {"code": code, "passwords": passwords, "token": token}
        return render(self.request, "accounts/reset.html", context, status=status)


@receiver(user_logged_in)
def count_success(sender, request, user, **_):
    if user.email:
        quietly(resetd.login_succeeded, str(user.pk), user.email)


@receiver(user_login_failed)
def count_failure(sender, credentials, **_):
    user = get_user_model().objects.filter(**{get_user_model().USERNAME_FIELD: credentials.get("username")}, is_active=True).first()
    if user and user.email:
        quietly(resetd.login_failed, str(user.pk), user.email)


def client(request):
    # Behind a proxy REMOTE_ADDR is the proxy: take the address from where it puts it.
    return {"ip": request.META["REMOTE_ADDR"], "user_agent": request.headers.get("User-Agent", "-")[:500]}


def quietly(call, *arguments):
    """For what the person need not hear of."""
    try:
        call(*arguments)
    except (Problem, Unavailable) as error:
        log.warning("resetd: %s", error)
