"""The portal's pages. Plain HTML and one stylesheet of our own: no script, and nothing from another site."""

from html import escape

LAYOUT = """<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>{title} – Example Shop</title>
<link rel="stylesheet" href="/style.css">
<header><a href="/"><svg viewBox="0 0 24 24" aria-hidden="true"><path d="M4 8h16l-1.5 12h-13zM8 8a4 4 0 0 1 8 0"/></svg>Example Shop</a></header>
<main>
{body}
</main>
<footer>Questions? <a href="mailto:support@shop.example">support@shop.example</a></footer>
</html>
"""

PASSWORD = """<label for="password">New password</label>
<input id="password" name="password" type="password" autocomplete="new-password" minlength="12" required {focus} aria-describedby="rule">
<p id="rule" class="{rule}">At least 12 characters, please. A few words in a row are easy to remember.</p>
<button>Change password</button>"""


def page(title, body):
    return LAYOUT.format(title=title, body=f"<h1>{title}</h1>\n{body}")


def sign_in(email="", wrong=False):
    alert = '<p class="alert" role="alert">Address and password do not go together.</p>' if wrong else ""
    return page("Sign in", f"""{alert}
<form method="post" action="/login">
<label for="email">Email</label>
<input id="email" name="email" type="email" autocomplete="username" value="{escape(email)}" required>
<div class="row"><label for="password">Password</label> <a href="/forgot">Forgot it?</a></div>
<input id="password" name="password" type="password" autocomplete="current-password" required>
<button>Sign in</button>
</form>""")


def home(name, email):
    return page(f"Hello, {escape(name)}", f"""<p>You are signed in as <strong>{escape(email)}</strong>.</p>
<form method="post" action="/logout"><button class="quiet">Sign out</button></form>""")


def forgot(email="", wrong=False):
    alert = '<p class="alert" role="alert">That is not an email address.</p>' if wrong else ""
    return page("Forgot your password?", f"""<p>We will mail you a way to set a new one.</p>{alert}
<form method="post" action="/forgot">
<label for="email">Email</label>
<input id="email" name="email" type="email" autocomplete="username" value="{escape(email)}" required autofocus>
<button>Send the mail</button>
</form>
<p class="aside"><a href="/">Back to sign in</a></p>""")


def sent(email):
    return page("Look into your mailbox", f"""<p>If there is an account for <strong>{escape(email)}</strong>, a mail is on its way.
It can take a minute, and it may be among the junk.</p>
<p class="aside"><a href="/reset">Type a code instead</a> · <a href="/forgot">Try another address</a></p>""")


def new_password(token, short=False):
    return page("Set a new password", f"""<form method="post" action="/reset">
<input type="hidden" name="token" value="{escape(token)}">
{PASSWORD.format(focus="autofocus", rule="alert" if short else "hint")}
</form>""")


def code(email="", short=False):
    return page("Type the code", f"""<p>It is in the mail that we sent you.</p>
<form method="post" action="/reset">
<label for="email">Email</label>
<input id="email" name="email" type="email" autocomplete="username" value="{escape(email)}" required>
<label for="code">Code</label>
<input id="code" name="code" inputmode="numeric" autocomplete="one-time-code" required>
{PASSWORD.format(focus="", rule="alert" if short else "hint")}
</form>""")


def changed():
    return page("Your password is changed", """<p>You were signed out everywhere. We have sent you a mail about it, in case it was not you.</p>
<p><a class="button" href="/">Sign in</a></p>""")


def refused(reason, answer):
    again = '<p><a class="button" href="/forgot">Ask for a new one</a></p>' if reason != "locked" else ""
    return page("This did not work", f'<p role="alert">{escape(answer)}</p>\n{again}')


def message(text):
    return page("Sorry", f'<p role="alert">{escape(text)}</p>\n<p class="aside"><a href="/">Back to the beginning</a></p>')
