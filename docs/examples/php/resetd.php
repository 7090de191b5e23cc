<?php
declare(strict_types=1);

// A client of resetd's socket. Copy this file: it needs PHP 8.1 or newer and its curl extension.

/** The secret is not good: tell the person answer(), with the HTTP status that is the exception's code. */
final class Refused extends RuntimeException
{
    /** What to tell a person whose link or code is refused, by `reason`. None of these is good again later. */
    private const ANSWERS = [
        'unknown' => 'We do not know this link or code. Copy it from the mail once more, or ask for a new one.',
        'expired' => 'This link or code has expired. Ask for a new one.',
        'used' => 'This link or code was used already. If that was not you, ask for a new one.',
        'superseded' => 'Another mail has taken the place of this one. Use the newest, or ask for a new one.',
        'denied' => 'Somebody answered this mail that they had not asked for it, so we switched it off. Ask for a new one, or write to support.',
        'revoked' => 'This link or code was taken back. Ask for a new one.',
        'locked' => 'Too many wrong codes. Use the link in the mail, or ask for a new one: it brings a link.',
    ];

    public function answer(): string
    {
        // A later resetd may know more reasons; each of them is a no.
        return self::ANSWERS[$this->getMessage()] ?? 'This link or code is not good any more. Ask for a new one.';
    }
}

/** resetd can't be reached or can't store: the person tries again in a moment. */
final class Unavailable extends RuntimeException
{
}

/** The request breaks a rule, or this user may not make it: the message tells the developer, $field what is wrong. */
final class Problem extends RuntimeException
{
    public function __construct(string $message, int $status, public readonly ?string $field)
    {
        parent::__construct($message, $status);
    }
}

final class Resetd
{
    public function __construct(
        private readonly string $portal,
        private readonly string $socket = '/run/resetd/resetd.sock',
        private readonly int $seconds = 5,
    ) {
    }

    /**
     * Asks for a reset mail. Account null: no account has this address, and the answer is the same.
     * More: name, locale, method, client => [ip, user_agent], valid_since.
     */
    public function request(?string $account, string $email, array $more = []): string
    {
        // One key for all tries: if only the answer was lost, the second try gets it and nobody gets two mails.
        $key = 'Idempotency-Key: ' . bin2hex(random_bytes(16));
        $body = ['portal' => $this->portal, 'account' => $account, 'email' => $email] + $more;
        return $this->call('/v1/resets', $body, [$key], tries: 2)['id'];
    }

    /** Is it good? Uses nothing up. Secret: [token] or [account, code], and client => [ip]. Gives reset, account, expires_at. */
    public function inspect(array $secret): array
    {
        return $this->call('/v1/resets/inspect', $this->secret($secret), tries: 2);
    }

    /** Uses it, once. Set the password of the account that this gives, and of no other. */
    public function redeem(array $secret): array
    {
        // One try: a second could only meet what the first has used.
        return $this->call('/v1/resets/redeem', $this->secret($secret));
    }

    /** The password is changed: the person is told by mail. */
    public function completed(string $reset): void
    {
        $this->call("/v1/resets/$reset/completed", tries: 2);
    }

    /** Counts; at the portal's threshold a reset mail goes out by itself. Success clears the count. */
    public function login(string $account, string $email, bool $success): void
    {
        $this->call('/v1/login-failures', ['portal' => $this->portal, 'account' => $account, 'email' => $email, 'success' => $success]);
    }

    private function secret(array $secret): array
    {
        return isset($secret['token']) ? $secret : ['portal' => $this->portal] + $secret;
    }

    private function call(string $path, ?array $body = null, array $headers = [], int $tries = 1): ?array
    {
        $curl = curl_init("http://resetd$path");
        curl_setopt_array($curl, [
            CURLOPT_UNIX_SOCKET_PATH => $this->socket,
            CURLOPT_RETURNTRANSFER => true,
            CURLOPT_TIMEOUT => $this->seconds,
            CURLOPT_POSTFIELDS => $body === null ? '' : json_encode($body, JSON_THROW_ON_ERROR | JSON_INVALID_UTF8_SUBSTITUTE),
            CURLOPT_HTTPHEADER => ['Content-Type: application/json', ...$headers],
        ]);
        $text = curl_exec($curl);
        if ($text === false) {
            return $tries > 1 ? $this->call($path, $body, $headers, $tries - 1) : throw new Unavailable(curl_error($curl));
        }
        $status = curl_getinfo($curl, CURLINFO_RESPONSE_CODE);
        $answer = $text === '' ? null : json_decode($text, true, flags: JSON_THROW_ON_ERROR);
        return match (true) {
            $status < 300 => $answer,
            $answer['type'] === 'urn:resetd:problem:refused' => throw new Refused($answer['reason'], $status),
            $status >= 500 => throw new Unavailable($answer['detail']),
            default => throw new Problem($answer['detail'], $status, $answer['field'] ?? null),
        };
    }
}
