import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.net.UnixDomainSocketAddress;
import java.nio.ByteBuffer;
import java.nio.channels.SocketChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.UUID;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.regex.Pattern;
import java.util.stream.Collectors;

/**
 * A client of resetd's socket. Copy this file: it needs nothing but Java 17.
 *
 * <p>java.net.http speaks no Unix sockets, so the few lines of HTTP are written here; and resetd's answers to an application
 * are flat objects, so a line of pattern reads them. Where you have a JSON library, use it in {@link #json} and {@link #read}.
 */
public final class Resetd {
    /** What to tell a person whose link or code is refused, by reason. None of these is good again later. */
    private static final Map<String, String> ANSWERS = Map.of(
            "unknown", "We do not know this link or code. Copy it from the mail once more, or ask for a new one.",
            "expired", "This link or code has expired. Ask for a new one.",
            "used", "This link or code was used already. If that was not you, ask for a new one.",
            "superseded", "Another mail has taken the place of this one. Use the newest, or ask for a new one.",
            "denied", "Somebody answered this mail that they had not asked for it, so we switched it off. "
                    + "Ask for a new one, or write to support.",
            "revoked", "This link or code was taken back. Ask for a new one.",
            "locked", "Too many wrong codes. Use the link in the mail, or ask for a new one: it brings a link.");

    /** The secret is not good: tell the person {@link #answer}, with the HTTP status {@link #status}. */
    public static final class Refused extends Exception {
        public final int status;

        Refused(String reason, int status) {
            super(reason);
            this.status = status;
        }

        /** A later resetd may know more reasons; each of them is a no. */
        public String answer() {
            return ANSWERS.getOrDefault(getMessage(), "This link or code is not good any more. Ask for a new one.");
        }
    }

    /** resetd can't be reached or can't store: the person tries again in a moment. */
    public static final class Unavailable extends Exception {
        Unavailable(String why) {
            super(why);
        }
    }

    /** The request breaks a rule, or this user may not make it: the message tells the developer, {@link #field} what is wrong. */
    public static final class Problem extends RuntimeException {
        public final String field;

        Problem(Map<String, String> problem) {
            super(problem.get("detail"));
            field = problem.get("field");
        }
    }

    /** A secret that is good. Set the password of this account, and of no other. */
    public record Good(String reset, String account) {}

    private static final ExecutorService CALLS = Executors.newCachedThreadPool(run -> {
        Thread thread = new Thread(run, "resetd");
        thread.setDaemon(true);
        return thread;
    });

    private final String portal;
    private final UnixDomainSocketAddress socket;

    public Resetd(String portal, Path socket) {
        this.portal = portal;
        this.socket = UnixDomainSocketAddress.of(socket);
    }

    /** Asks for a reset mail. Account null: no account has this address, and the answer is the same. */
    public void request(String account, String email, String name, String ip, String agent) throws Unavailable, Refused {
        Map<String, Object> body = fields("portal", portal, "email", email, "client", fields("ip", ip, "user_agent", agent));
        body.put("account", account);
        if (name != null) {
            body.put("name", name);
        }
        // One key for all tries: if only the answer was lost, the second try gets it and nobody gets two mails.
        call("/v1/resets", "Idempotency-Key: " + UUID.randomUUID() + "\r\n", body, 2);
    }

    /** Is it good? Uses nothing up. */
    public Good inspect(Map<String, Object> secret) throws Unavailable, Refused {
        return good(call("/v1/resets/inspect", "", secret, 2));
    }

    /** Uses it, once. One try: a second could only meet what the first has used. */
    public Good redeem(Map<String, Object> secret) throws Unavailable, Refused {
        return good(call("/v1/resets/redeem", "", secret, 1));
    }

    /** The client's IP goes with it: guesses are counted by it. */
    public Map<String, Object> token(String token, String ip) {
        return fields("token", token, "client", fields("ip", ip));
    }

    public Map<String, Object> code(String account, String code, String ip) {
        return fields("portal", portal, "account", account, "code", code, "client", fields("ip", ip));
    }

    /** The password is changed: the person is told by mail. */
    public void completed(String reset) throws Unavailable, Refused {
        call("/v1/resets/" + reset + "/completed", "", null, 2);
    }

    /** Counts a failed login; at the portal's threshold a reset mail goes out by itself. Success clears the count. */
    public void login(String account, String email, boolean success) throws Unavailable, Refused {
        call("/v1/login-failures", "", fields("portal", portal, "account", account, "email", email, "success", success), 1);
    }

    private static Good good(Map<String, String> answer) {
        return new Good(answer.get("reset"), answer.get("account"));
    }

    private Map<String, String> call(String path, String header, Map<String, Object> body, int tries) throws Unavailable, Refused {
        String text;
        try {
            text = exchange(path, header, body == null ? "" : json(body));
        } catch (IOException error) {
            if (tries > 1) {
                return call(path, header, body, tries - 1);
            }
            throw new Unavailable(error.getMessage());
        }
        int status = Integer.parseInt(text.substring(9, 12));
        Map<String, String> answer = read(text.substring(text.indexOf("\r\n\r\n")));
        if (status < 300) {
            return answer;
        }
        if ("urn:resetd:problem:refused".equals(answer.get("type"))) {
            throw new Refused(answer.get("reason"), status);
        }
        if (status >= 500) {
            throw new Unavailable(answer.get("detail"));
        }
        throw new Problem(answer);
    }

    /** Head and body of the answer. HTTP/1.0: one request on a connection, and its end is the body's end. */
    private String exchange(String path, String header, String body) throws IOException {
        byte[] octets = body.getBytes(StandardCharsets.UTF_8);
        String head = "POST " + path + " HTTP/1.0\r\nHost: resetd\r\nContent-Type: application/json\r\n" + header
                + "Content-Length: " + octets.length + "\r\n\r\n";
        try (SocketChannel channel = SocketChannel.open(socket)) {
            var answer = CALLS.submit(() -> {
                for (byte[] part : new byte[][] {head.getBytes(StandardCharsets.US_ASCII), octets}) {
                    for (ByteBuffer rest = ByteBuffer.wrap(part); rest.hasRemaining(); ) {
                        channel.write(rest);
                    }
                }
                var all = new ByteArrayOutputStream();
                ByteBuffer some = ByteBuffer.allocate(8192);
                while (channel.read(some.clear()) >= 0) {
                    all.write(some.array(), 0, some.position());
                }
                return all.toString(StandardCharsets.UTF_8);
            });
            // Such a channel has no timeout of its own; closing it ends the call.
            String text = answer.get(5, TimeUnit.SECONDS);
            if (!text.matches("(?s)HTTP/1\\.. \\d{3} .*\r\n\r\n.*")) {
                throw new IOException("resetd hung up");
            }
            return text;
        } catch (ExecutionException | TimeoutException error) {
            throw new IOException(error.toString());
        } catch (InterruptedException error) {
            Thread.currentThread().interrupt();
            throw new IOException("interrupted");
        }
    }

    private static Map<String, Object> fields(Object... pairs) {
        Map<String, Object> fields = new LinkedHashMap<>();
        for (int i = 0; i < pairs.length; i += 2) {
            fields.put((String) pairs[i], pairs[i + 1]);
        }
        return fields;
    }

    private static String json(Object value) {
        if (value instanceof Map<?, ?> map) {
            return map.entrySet().stream()
                    .map(entry -> json(entry.getKey()) + ":" + json(entry.getValue()))
                    .collect(Collectors.joining(",", "{", "}"));
        }
        if (!(value instanceof String text)) {
            return String.valueOf(value);
        }
        return text.chars()
                .mapToObj(c -> c < ' ' || c == '"' || c == '\\' ? String.format("\\u%04x", c) : String.valueOf((char) c))
                .collect(Collectors.joining("", "\"", "\""));
    }

    private static final Pattern FIELD = Pattern.compile("\"(\\w+)\":(?:\"((?:[^\"\\\\]|\\\\.)*)\"|[^,}]*)");
    private static final Pattern ESCAPE = Pattern.compile("\\\\(?:u(\\p{XDigit}{4})|(.))");

    private static Map<String, String> read(String object) {
        Map<String, String> fields = new HashMap<>();
        FIELD.matcher(object).results().filter(field -> field.group(2) != null).forEach(field -> {
            String text = ESCAPE.matcher(field.group(2)).replaceAll(escape -> java.util.regex.Matcher.quoteReplacement(
                    escape.group(1) != null ? String.valueOf((char) Integer.parseInt(escape.group(1), 16)) : plain(escape.group(2))));
            fields.put(field.group(1), text);
        });
        return fields;
    }

    private static String plain(String escaped) {
        return switch (escaped) {
            case "n" -> "\n";
            case "t" -> "\t";
            case "r" -> "\r";
            default -> escaped;
        };
    }
}
