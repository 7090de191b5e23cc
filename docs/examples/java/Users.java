import java.security.MessageDigest;
import java.security.SecureRandom;
import java.security.spec.InvalidKeySpecException;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.ConcurrentHashMap;
import javax.crypto.SecretKeyFactory;
import javax.crypto.spec.PBEKeySpec;

/** Your users: a database, rather than this. */
final class Users {
    record User(String id, String email, String name, byte[] salt, byte[] hash) {}

    private static final SecureRandom RANDOM = new SecureRandom();
    private static final User NOBODY = new User("", "", "", new byte[16], new byte[32]);
    private final Map<String, User> all = new ConcurrentHashMap<>();

    Users() {
        all.put("u-1842", new User("u-1842", "ann@mail.example", "Ann Other", new byte[16], new byte[32]));
        setPassword("u-1842", "correct horse battery staple");
    }

    Optional<User> byEmail(String email) {
        return all.values().stream().filter(user -> user.email.equalsIgnoreCase(email)).findFirst();
    }

    void setPassword(String id, String password) {
        byte[] salt = new byte[16];
        RANDOM.nextBytes(salt);
        // And end every session of the user here: whoever had got in is out.
        all.computeIfPresent(id, (key, user) -> new User(key, user.email, user.name, salt, hash(password, salt)));
    }

    /** Takes the same time for a user that does not exist. */
    static boolean mayEnter(Optional<User> user, String password) {
        User one = user.orElse(NOBODY);
        return MessageDigest.isEqual(hash(password, one.salt), one.hash) && user.isPresent();
    }

    private static byte[] hash(String password, byte[] salt) {
        try {
            var key = new PBEKeySpec(password.toCharArray(), salt, 600_000, 256);
            return SecretKeyFactory.getInstance("PBKDF2WithHmacSHA256").generateSecret(key).getEncoded();
        } catch (InvalidKeySpecException | java.security.NoSuchAlgorithmException error) {
            throw new IllegalStateException(error);
        }
    }
}
