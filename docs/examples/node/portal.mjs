// Sign in, forgot password, set a new one: Node's standard library and resetd.
//
//     RESETD_SOCKET=/run/resetd/resetd.sock PORT=8000 node portal.mjs

import { randomBytes, scrypt, timingSafeEqual } from "node:crypto";
import http from "node:http";
import { promisify } from "node:util";
import { Problem, Refused, Resetd, Unavailable } from "./resetd.mjs";

const resetd = new Resetd("shop", process.env.RESETD_SOCKET);
const port = process.env.PORT ?? 8000;

// ---- Your users: a database, rather than this.

const hash = promisify(scrypt);
const ann = { id: "u-1842", email: "ann@mail.example", name: "Ann Other" };
const users = new Map([[ann.id, ann]]);
const byEmail = (email) => [...users.values()].find((user) => user.email === email.toLowerCase());

async function setPassword(id, password) {
  const salt = randomBytes(16);
  // And end every session of the user here: whoever had got in is out.
  Object.assign(users.get(id), { salt, hash: await hash(password, salt, 64) });
}

/** Takes the same time for a user that does not exist. */
async function mayEnter(user, password) {
  const given = await hash(password, user?.salt ?? "", 64);
  return timingSafeEqual(given, user?.hash ?? Buffer.alloc(64));
}

await setPassword(ann.id, "correct horse battery staple");

// ---- The pages.

const pages = {
  "GET /": () => page("Sign in", signIn),
  "GET /login": () => page("Sign in", signIn),
  "GET /forgot": () => page("Forgot your password?", forgot),

  async "POST /login"({ form }) {
    const user = byEmail(form.get("email"));
    const good = await mayEnter(user, form.get("password"));
    // Nobody waits for this: the answer takes as long for others as for people whom we know, and works when resetd is away.
    if (user) resetd.loginFailed(user.id, user.email, { success: good }).catch(complain);
    // Begin the session here.
    return good ? page(`Hello, ${user.name}`, "") : page("Sign in", `<p>Address and password do not go together.${signIn}`, 403);
  },

  async "POST /forgot"({ form, request }) {
    const user = byEmail(form.get("email"));
    try {
      // Everybody's request goes to resetd, which tells nobody apart; neither does the page.
      await resetd.request(user?.id ?? null, user?.email ?? form.get("email"), { name: user?.name, client: client(request) });
    } catch (error) {
      if (error.field !== "email") throw error;
      return page("Forgot your password?", `<p>That is not an email address.${forgot}`, 400);
    }
    return page("Look into your mailbox", `<p>If there is such an account, a mail is on its way. <a href="/reset">Type a code instead</a>`);
  },

  /** The link. Looks, and uses nothing up: mail scanners and previews open links too. */
  async "GET /reset"({ url, request }) {
    const token = url.searchParams.get("token");
    if (token) await resetd.inspect({ token, client: client(request) });
    return page("Set a new password", newPassword(token));
  },

  async "POST /reset"({ form, request }) {
    const token = form.get("token");
    const password = form.get("password") ?? "";
    // Before redeem: what is wrong with the password must not cost the link.
    if (password.length < 12) return page("Set a new password", `<p>At least 12 characters, please.${newPassword(token)}`, 400);
    const email = form.get("email") ?? "";
    // For an address without an account the address itself: it is refused and locked as any other is.
    const secret = token ? { token } : { account: byEmail(email)?.id ?? email, code: form.get("code") };
    const good = await resetd.redeem({ ...secret, client: client(request) });
    // The account is resetd's word, never the browser's.
    await setPassword(good.account, password);
    resetd.completed(good.reset).catch(complain);
    // No new session: whoever holds the mail has to know the new password too.
    return page("Your password is changed", '<p><a href="/">Sign in</a>');
  },
};

// Limits count by the address. Behind a proxy it is the proxy: take it from where that puts it.
const client = (request) => ({ ip: request.socket.remoteAddress, user_agent: request.headers["user-agent"]?.slice(0, 500) });

const signIn = `<form method="post" action="/login">
<p><label>Email <input name="email" type="email" autocomplete="username" required></label>
<p><label>Password <input name="password" type="password" autocomplete="current-password" required></label>
<p><button>Sign in</button> <a href="/forgot">Forgot it?</a></form>`;

const forgot = `<form method="post" action="/forgot">
<p><label>Email <input name="email" type="email" autocomplete="username" required></label>
<p><button>Send the mail</button></form>`;

const byCode = `<p><label>Email <input name="email" type="email" autocomplete="username" required></label>
<p><label>Code <input name="code" inputmode="numeric" autocomplete="one-time-code" required></label>`;

const newPassword = (token) => `<form method="post" action="/reset">
${token ? `<input type="hidden" name="token" value="${escape(token)}">` : byCode}
<p><label>New password <input name="password" type="password" autocomplete="new-password" minlength="12" required></label>
<p><button>Change password</button></form>`;

function page(title, body, status = 200) {
  const head = `<!doctype html><html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<meta name="color-scheme" content="light dark"><title>${escape(title)}</title><h1>${escape(title)}</h1>`;
  return { status, text: `${head}\n${body}\n` };
}

const escape = (text) => text.replace(/[&<>"']/g, (sign) => `&#${sign.charCodeAt()};`);
const sorry = (status, text) => page("This did not work", `<p>${text} <a href="/forgot">Ask for a new mail</a>`, status);
const complain = (error) => console.error("resetd:", error.message);

// ---- The plumbing.

async function answer(request) {
  const url = new URL(request.url, "http://portal");
  const handler = pages[`${request.method} ${url.pathname}`];
  if (!handler) return page("There is no such page", "", 404);
  // A form of another site's. Origin says "null" here, since we send no referrer; Sec-Fetch-Site tells.
  const from = request.headers["sec-fetch-site"] ?? "same-origin";
  if (request.method === "POST" && !["same-origin", "none"].includes(from)) return sorry(403, "That did not come from our site.");
  try {
    return await handler({ request, url, form: new URLSearchParams(await text(request)) });
  } catch (error) {
    if (error instanceof Refused) return sorry(error.status, error.answer);
    complain(error);
    if (error instanceof Unavailable) return sorry(503, "We can not do this right now. Please try again in a moment.");
    return sorry(500, error instanceof Problem ? "Something is set up wrongly." : "Something went wrong.");
  }
}

async function text(request) {
  let text = "";
  for await (const piece of request.setEncoding("utf8")) {
    text += piece;
    if (text.length > 10_000) throw new Error("the form is too long");
  }
  return text;
}

// For every page, and above all for the one whose address holds a token: nobody keeps it, no other site learns its address,
// nothing from elsewhere is loaded, nobody frames it.
const headers = {
  "Content-Type": "text/html; charset=utf-8",
  "Cache-Control": "no-store",
  "Referrer-Policy": "no-referrer",
  "Content-Security-Policy": "default-src 'none'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'",
};

const server = http.createServer(async (request, response) => {
  const { status, text } = await answer(request);
  response.writeHead(status, headers).end(text);
});
server.listen(port, "127.0.0.1", () => console.log(`http://127.0.0.1:${port}`));
