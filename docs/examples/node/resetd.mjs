// A client of resetd's socket. Copy this file: it needs nothing but Node 18 or newer.

import { randomUUID } from "node:crypto";
import http from "node:http";

/** What to tell a person whose link or code is refused, by `reason`. None of these is good again later. */
const ANSWERS = {
  unknown: "We do not know this link or code. Copy it from the mail once more, or ask for a new one.",
  expired: "This link or code has expired. Ask for a new one.",
  used: "This link or code was used already. If that was not you, ask for a new one.",
  superseded: "Another mail has taken the place of this one. Use the newest, or ask for a new one.",
  denied: "Somebody answered this mail that they had not asked for it, so we switched it off. Ask for a new one, or write to support.",
  revoked: "This link or code was taken back. Ask for a new one.",
  locked: "Too many wrong codes. Use the link in the mail, or ask for a new one: it brings a link.",
};

/** The secret is not good: tell the person `answer`, with the HTTP status `status`. */
export class Refused extends Error {
  constructor({ reason, status }) {
    super(reason);
    // A later resetd may know more reasons; each of them is a no.
    Object.assign(this, { reason, status, answer: ANSWERS[reason] ?? "This link or code is not good any more. Ask for a new one." });
  }
}

/** resetd can't be reached or can't store: the person tries again in a moment. */
export class Unavailable extends Error {}

/** The request breaks a rule, or this user may not make it: the message tells the developer, `field` what is wrong. */
export class Problem extends Error {
  constructor({ detail, status, field }) {
    super(detail);
    Object.assign(this, { status, field });
  }
}

export class Resetd {
  constructor(portal, socketPath = "/run/resetd/resetd.sock", timeout = 5000) {
    Object.assign(this, { portal, socketPath, timeout });
  }

  /** Asks for a reset mail. account null: no account has this address, and the answer is the same.
   *  more: name, locale, method, client: {ip, user_agent}, valid_since. */
  async request(account, email, more = {}) {
    // One key for all tries: if only the answer was lost, the second try gets it and nobody gets two mails.
    const headers = { "Idempotency-Key": randomUUID() };
    return (await this.#call("/v1/resets", { portal: this.portal, account, email, ...more }, { headers, tries: 2 })).id;
  }

  /** Is it good? Uses nothing up. secret: {token} or {account, code}, and client: {ip}. Gives {reset, account, expires_at, …}. */
  inspect(secret) {
    return this.#call("/v1/resets/inspect", this.#secret(secret), { tries: 2 });
  }

  /** Uses it, once. Set the password of the `account` that this gives, and of no other. */
  redeem(secret) {
    // One try: a second could only meet what the first has used.
    return this.#call("/v1/resets/redeem", this.#secret(secret));
  }

  /** The password is changed: the person is told by mail. */
  completed(reset) {
    return this.#call(`/v1/resets/${reset}/completed`, undefined, { tries: 2 });
  }

  /** Counts; at the portal's threshold a reset mail goes out by itself. more: {success: true} clears the count. */
  loginFailed(account, email, more = {}) {
    return this.#call("/v1/login-failures", { portal: this.portal, account, email, ...more });
  }

  #secret(secret) {
    return "token" in secret ? secret : { portal: this.portal, ...secret };
  }

  async #call(path, body, { headers = {}, tries = 1 } = {}) {
    let status, text;
    try {
      ({ status, text } = await this.#post(path, JSON.stringify(body) ?? "", headers));
    } catch (error) {
      if (tries > 1) return this.#call(path, body, { headers, tries: tries - 1 });
      throw new Unavailable(error.message, { cause: error });
    }
    const answer = text ? JSON.parse(text) : undefined;
    if (status < 300) return answer;
    if (answer.type === "urn:resetd:problem:refused") throw new Refused(answer);
    throw status >= 500 ? new Unavailable(answer.detail) : new Problem(answer);
  }

  #post(path, body, headers) {
    const { socketPath } = this;
    const signal = AbortSignal.timeout(this.timeout);
    const length = Buffer.byteLength(body);
    return new Promise((resolve, reject) => {
      const all = { "Content-Type": "application/json", "Content-Length": length, ...headers };
      const request = http.request({ socketPath, path, method: "POST", headers: all, signal }, (response) => {
        let text = "";
        response.setEncoding("utf8").on("data", (piece) => (text += piece));
        response.on("end", () => resolve({ status: response.statusCode, text })).on("error", reject);
      });
      request.on("error", reject).end(body);
    });
  }
}
