<?php
declare(strict_types=1);

/** Your users: a database, rather than this file with one of them. */
final class Users
{
    /** Of a password that nobody knows. */
    private const NOBODY = '$2y$10$QPm.N.Y4E1GlLum107Q5t.nbdM25Zcwdez8liPd0cmq9mXeAZeuAS';

    public function __construct(private readonly string $file)
    {
        if (!file_exists($file)) {
            $this->save(['u-1842' => ['email' => 'ann@mail.example', 'name' => 'Ann Other']]);
            $this->setPassword('u-1842', 'correct horse battery staple');
        }
    }

    public function byEmail(string $email): ?array
    {
        foreach ($this->all() as $id => $user) {
            if ($user['email'] === strtolower($email)) {
                return ['id' => $id] + $user;
            }
        }
        return null;
    }

    public function setPassword(string $id, string $password): void
    {
        $users = $this->all();
        $users[$id]['hash'] = password_hash($password, PASSWORD_DEFAULT);
        // And end every session of the user here: whoever had got in is out.
        $this->save($users);
    }

    /** Takes the same time for a user that does not exist. */
    public static function mayEnter(?array $user, string $password): bool
    {
        return password_verify($password, $user['hash'] ?? self::NOBODY) && $user !== null;
    }

    private function all(): array
    {
        return json_decode(file_get_contents($this->file), true);
    }

    private function save(array $users): void
    {
        file_put_contents("$this->file.new", json_encode($users));
        rename("$this->file.new", $this->file);
    }
}
