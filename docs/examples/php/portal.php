<?php
declare(strict_types=1);

// Sign in, forgot password, set a new one: plain PHP and resetd.
//
//     RESETD_SOCKET=/run/resetd/resetd.sock php -S 127.0.0.1:8000 portal.php

require 'resetd.php';
require 'users.php';

$resetd = new Resetd('shop', getenv('RESETD_SOCKET') ?: '/run/resetd/resetd.sock');
$users = new Users(getenv('USERS') ?: sys_get_temp_dir() . '/users.json');

// For every page, and above all for the one whose address holds a token: nobody keeps it, no other site learns its address,
// nothing from elsewhere is loaded, nobody frames it.
header('Cache-Control: no-store');
header('Referrer-Policy: no-referrer');
header("Content-Security-Policy: default-src 'none'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'");

$field = fn (string $name): string => is_string($_POST[$name] ?? '') ? trim($_POST[$name] ?? '') : '';
$here = $_SERVER['REQUEST_METHOD'] . ' ' . parse_url($_SERVER['REQUEST_URI'], PHP_URL_PATH);
try {
    // A form of another site's. Origin says "null" here, since we send no referrer; Sec-Fetch-Site tells.
    if ($_SERVER['REQUEST_METHOD'] === 'POST' && !in_array($_SERVER['HTTP_SEC_FETCH_SITE'] ?? 'none', ['same-origin', 'none'], true)) {
        sorry(403, 'That did not come from our site.');
    } else {
        match ($here) {
            'GET /', 'GET /login' => page('Sign in', sign_in()),
            'POST /login' => login($field),
            'GET /forgot' => page('Forgot your password?', forgot()),
            'POST /forgot' => ask($field),
            'GET /reset' => look($_GET['token'] ?? ''),
            'POST /reset' => change($field),
            default => sorry(404, 'There is no such page.'),
        };
    }
} catch (Refused $refused) {
    sorry($refused->getCode(), $refused->answer());
} catch (Unavailable $error) {
    error_log("resetd: {$error->getMessage()}");
    sorry(503, 'We can not do this right now. Please try again in a moment.');
}

function login(Closure $field): void
{
    global $resetd, $users;
    $user = $users->byEmail($field('email'));
    $good = Users::mayEnter($user, $field('password'));
    // Begin the session here.
    $good ? page("Hello, {$user['name']}", '') : page('Sign in', '<p>Address and password do not go together.' . sign_in(), 403);
    if ($user !== null) {
        // Behind the answer: it takes as long for people whom we know as for others, and works when resetd is away.
        if (function_exists('fastcgi_finish_request')) {
            fastcgi_finish_request();
        }
        quietly(fn () => $resetd->login($user['id'], $user['email'], $good));
    }
}

function ask(Closure $field): void
{
    global $resetd, $users;
    $user = $users->byEmail($field('email'));
    try {
        // Everybody's request goes to resetd, which tells nobody apart; neither does the page.
        $resetd->request($user['id'] ?? null, $user['email'] ?? $field('email'), ['name' => $user['name'] ?? null, 'client' => client()]);
    } catch (Problem $problem) {
        if ($problem->field !== 'email') {
            throw $problem;
        }
        page('Forgot your password?', '<p>That is not an email address.' . forgot(), 400);
        return;
    }
    page('Look into your mailbox', '<p>If there is such an account, a mail is on its way. <a href="/reset">Type a code instead</a>');
}

/** Limits count by the address. Behind a proxy it is the proxy: take it from where that puts it. */
function client(): array
{
    return ['ip' => $_SERVER['REMOTE_ADDR'], 'user_agent' => substr($_SERVER['HTTP_USER_AGENT'] ?? '-', 0, 500)];
}

/** The link. Looks, and uses nothing up: mail scanners and previews open links too. */
function look(string $token): void
{
    global $resetd;
    if ($token !== '') {
        $resetd->inspect(['token' => $token, 'client' => client()]);
    }
    page('Set a new password', new_password($token));
}

function change(Closure $field): void
{
    global $resetd, $users;
    $token = $field('token');
    if (strlen($field('password')) < 12) {
        // Before redeem: what is wrong with the password must not cost the link.
        page('Set a new password', '<p>At least 12 characters, please.' . new_password($token), 400);
        return;
    }
    $user = $users->byEmail($field('email'));
    // For an address without an account the address itself: it is refused and locked as any other is.
    $secret = $token !== '' ? ['token' => $token] : ['account' => $user['id'] ?? $field('email'), 'code' => $field('code')];
    $good = $resetd->redeem($secret + ['client' => client()]);
    // The account is resetd's word, never the browser's.
    $users->setPassword($good['account'], $field('password'));
    quietly(fn () => $resetd->completed($good['reset']));
    // No new session: whoever holds the mail has to know the new password too.
    page('Your password is changed', '<p><a href="/">Sign in</a>');
}

/** For what the person need not hear of. */
function quietly(Closure $call): void
{
    try {
        $call();
    } catch (Unavailable | Problem $error) {
        error_log("resetd: {$error->getMessage()}");
    }
}

function sign_in(): string
{
    return <<<'HTML'
        <form method="post" action="/login">
        <p><label>Email <input name="email" type="email" autocomplete="username" required></label>
        <p><label>Password <input name="password" type="password" autocomplete="current-password" required></label>
        <p><button>Sign in</button> <a href="/forgot">Forgot it?</a></form>
        HTML;
}

function forgot(): string
{
    return <<<'HTML'
        <form method="post" action="/forgot">
        <p><label>Email <input name="email" type="email" autocomplete="username" required></label>
        <p><button>Send the mail</button></form>
        HTML;
}

function new_password(string $token): string
{
    $by_code = <<<'HTML'
        <p><label>Email <input name="email" type="email" autocomplete="username" required></label>
        <p><label>Code <input name="code" inputmode="numeric" autocomplete="one-time-code" required></label>
        HTML;
    $secret = $token === '' ? $by_code : '<input type="hidden" name="token" value="' . htmlspecialchars($token) . '">';
    return <<<HTML
        <form method="post" action="/reset">
        $secret
        <p><label>New password <input name="password" type="password" autocomplete="new-password" minlength="12" required></label>
        <p><button>Change password</button></form>
        HTML;
}

function sorry(int $status, string $text): void
{
    page('This did not work', "<p>$text <a href=\"/forgot\">Ask for a new mail</a>", $status);
}

function page(string $title, string $body, int $status = 200): void
{
    http_response_code($status);
    $title = htmlspecialchars($title);
    echo <<<HTML
        <!doctype html><html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width">
        <meta name="color-scheme" content="light dark"><title>$title</title><h1>$title</h1>
        $body

        HTML;
}
