import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.URLDecoder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.HashMap;
import java.util.Map;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;

/**
 * Sign in, forgot password, set a new one: the JDK and resetd.
 *
 * <pre>javac -d out *.java &amp;&amp; RESETD_SOCKET=/run/resetd/resetd.sock PORT=8000 java -cp out Portal</pre>
 */
public final class Portal {
    private static final ExecutorService BEHIND = Executors.newSingleThreadExecutor();
    private final Users users = new Users();
    private final Resetd resetd;

    private Portal(Resetd resetd) {
        this.resetd = resetd;
    }

    public static void main(String[] arguments) throws IOException {
        var environment = System.getenv();
        String socket = environment.getOrDefault("RESETD_SOCKET", "/run/resetd/resetd.sock");
        int port = Integer.parseInt(environment.getOrDefault("PORT", "8000"));
        Portal portal = new Portal(new Resetd("shop", Path.of(socket)));
        HttpServer server = HttpServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), port), 0);
        server.setExecutor(Executors.newFixedThreadPool(8));
        server.createContext("/", portal::serve);
        server.start();
        System.out.println("http://127.0.0.1:" + port);
    }

    private record Page(int status, String title, String body) {
        Page(String title, String body) {
            this(200, title, body);
        }
    }

    private Page login(Map<String, String> form) {
        var user = users.byEmail(form.getOrDefault("email", ""));
        boolean good = Users.mayEnter(user, form.getOrDefault("password", ""));
        // Nobody waits for this: the answer takes as long for others as for people whom we know, and works when resetd is away.
        user.ifPresent(one -> BEHIND.execute(() -> quietly(() -> resetd.login(one.id(), one.email(), good))));
        // Begin the session here.
        return good
                ? new Page("Hello, " + user.get().name(), "")
                : new Page(403, "Sign in", "<p>Address and password do not go together." + SIGN_IN);
    }

    private Page ask(Map<String, String> form, HttpExchange exchange) throws Resetd.Unavailable, Resetd.Refused {
        String typed = form.getOrDefault("email", "");
        var user = users.byEmail(typed);
        String agent = exchange.getRequestHeaders().getFirst("User-Agent");
        try {
            // Everybody's request goes to resetd, which tells nobody apart; neither does the page.
            resetd.request(
                    user.map(Users.User::id).orElse(null),
                    user.map(Users.User::email).orElse(typed),
                    user.map(Users.User::name).orElse(null),
                    ip(exchange),
                    agent == null ? null : agent.substring(0, Math.min(500, agent.length())));
        } catch (Resetd.Problem problem) {
            if (!"email".equals(problem.field)) {
                throw problem;
            }
            return new Page(400, "Forgot your password?", "<p>That is not an email address." + FORGOT);
        }
        return new Page("Look into your mailbox",
                "<p>If there is such an account, a mail is on its way. <a href=\"/reset\">Type a code instead</a>");
    }

    /** Limits count by the address. Behind a proxy it is the proxy: take it from where that puts it. */
    private static String ip(HttpExchange exchange) {
        return exchange.getRemoteAddress().getAddress().getHostAddress();
    }

    /** The link. Looks, and uses nothing up: mail scanners and previews open links too. */
    private Page look(String token, String ip) throws Resetd.Unavailable, Resetd.Refused {
        if (!token.isEmpty()) {
            resetd.inspect(resetd.token(token, ip));
        }
        return new Page("Set a new password", newPassword(token));
    }

    private Page change(Map<String, String> form, String ip) throws Resetd.Unavailable, Resetd.Refused {
        String token = form.getOrDefault("token", "");
        String password = form.getOrDefault("password", "");
        if (password.length() < 12) {
            // Before redeem: what is wrong with the password must not cost the link.
            return new Page(400, "Set a new password", "<p>At least 12 characters, please." + newPassword(token));
        }
        Resetd.Good good;
        if (token.isEmpty()) {
            String email = form.getOrDefault("email", "");
            // For an address without an account the address itself: it is refused and locked as any other is.
            String account = users.byEmail(email).map(Users.User::id).orElse(email);
            good = resetd.redeem(resetd.code(account, form.getOrDefault("code", ""), ip));
        } else {
            good = resetd.redeem(resetd.token(token, ip));
        }
        // The account is resetd's word, never the browser's.
        users.setPassword(good.account(), password);
        quietly(() -> resetd.completed(good.reset()));
        // No new session: whoever holds the mail has to know the new password too.
        return new Page("Your password is changed", "<p><a href=\"/\">Sign in</a>");
    }

    private interface Call {
        void run() throws Resetd.Unavailable, Resetd.Refused;
    }

    /** For what the person need not hear of. */
    private static void quietly(Call call) {
        try {
            call.run();
        } catch (Resetd.Unavailable | Resetd.Refused | Resetd.Problem error) {
            System.err.println("resetd: " + error.getMessage());
        }
    }

    // ---- The plumbing.

    private void serve(HttpExchange exchange) throws IOException {
        Page page;
        try {
            page = route(exchange);
        } catch (Resetd.Refused refused) {
            page = sorry(refused.status, refused.answer());
        } catch (Resetd.Unavailable error) {
            System.err.println("resetd: " + error.getMessage());
            page = sorry(503, "We can not do this right now. Please try again in a moment.");
        } catch (RuntimeException error) {
            System.err.println(error);
            page = sorry(500, "Something went wrong.");
        }
        show(exchange, page);
    }

    private Page route(HttpExchange exchange) throws IOException, Resetd.Unavailable, Resetd.Refused {
        String path = exchange.getRequestURI().getPath();
        // A form of another site's. Origin says "null" here, since we send no referrer; Sec-Fetch-Site tells.
        String from = exchange.getRequestHeaders().getFirst("Sec-Fetch-Site");
        if (exchange.getRequestMethod().equals("POST") && from != null && !from.equals("same-origin") && !from.equals("none")) {
            return sorry(403, "That did not come from our site.");
        }
        return switch (exchange.getRequestMethod() + " " + path) {
            case "GET /", "GET /login" -> new Page("Sign in", SIGN_IN);
            case "GET /forgot" -> new Page("Forgot your password?", FORGOT);
            case "GET /reset" -> look(form(exchange.getRequestURI().getRawQuery()).getOrDefault("token", ""), ip(exchange));
            case "POST /login" -> login(form(body(exchange)));
            case "POST /forgot" -> ask(form(body(exchange)), exchange);
            case "POST /reset" -> change(form(body(exchange)), ip(exchange));
            default -> sorry(404, "There is no such page.");
        };
    }

    private static String body(HttpExchange exchange) throws IOException {
        return new String(exchange.getRequestBody().readNBytes(10_000), StandardCharsets.UTF_8);
    }

    private static Map<String, String> form(String text) {
        Map<String, String> form = new HashMap<>();
        Arrays.stream((text == null ? "" : text).split("&")).map(pair -> pair.split("=", 2)).filter(pair -> pair.length == 2)
                .forEach(pair -> form.put(pair[0], URLDecoder.decode(pair[1], StandardCharsets.UTF_8).strip()));
        return form;
    }

    /**
     * For every page, and above all for the one whose address holds a token: nobody keeps it, no other site learns its address,
     * nothing from elsewhere is loaded, nobody frames it.
     */
    private static final Map<String, String> HEADERS = Map.of(
            "Content-Type", "text/html; charset=utf-8",
            "Cache-Control", "no-store",
            "Referrer-Policy", "no-referrer",
            "Content-Security-Policy", "default-src 'none'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'");

    private static void show(HttpExchange exchange, Page page) throws IOException {
        byte[] octets = HTML.formatted(escape(page.title), escape(page.title), page.body).getBytes(StandardCharsets.UTF_8);
        HEADERS.forEach(exchange.getResponseHeaders()::set);
        exchange.sendResponseHeaders(page.status, octets.length);
        try (exchange; var out = exchange.getResponseBody()) {
            out.write(octets);
        }
    }

    private static Page sorry(int status, String text) {
        return new Page(status, "This did not work", "<p>" + text + " <a href=\"/forgot\">Ask for a new mail</a>");
    }

    private static String newPassword(String token) {
        return NEW_PASSWORD.formatted(token.isEmpty() ? BY_CODE : "<input type=\"hidden\" name=\"token\" value=\"" + escape(token) + "\">");
    }

    private static String escape(String text) {
        return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;").replace("\"", "&quot;");
    }

    private static final String HTML = """
            <!doctype html><html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width">
            <meta name="color-scheme" content="light dark"><title>%s</title><h1>%s</h1>
            %s
            """;

    private static final String SIGN_IN = """
            <form method="post" action="/login">
            <p><label>Email <input name="email" type="email" autocomplete="username" required></label>
            <p><label>Password <input name="password" type="password" autocomplete="current-password" required></label>
            <p><button>Sign in</button> <a href="/forgot">Forgot it?</a></form>
            """;

    private static final String FORGOT = """
            <form method="post" action="/forgot">
            <p><label>Email <input name="email" type="email" autocomplete="username" required></label>
            <p><button>Send the mail</button></form>
            """;

    private static final String BY_CODE = """
            <p><label>Email <input name="email" type="email" autocomplete="username" required></label>
            <p><label>Code <input name="code" inputmode="numeric" autocomplete="one-time-code" required></label>
            """;

    private static final String NEW_PASSWORD = """
            <form method="post" action="/reset">
            %s
            <p><label>New password <input name="password" type="password" autocomplete="new-password" minlength="12" required></label>
            <p><button>Change password</button></form>
            """;
}
