// Chromium without a network, and the mails that daemon/tests/looks.rs wrote.

import { readFileSync } from "node:fs";
import { join } from "node:path";
import { chromium } from "playwright-core";

export const rtl = locale => /^(ar|fa|he)\b/.test(locale);
export const mails = folder => JSON.parse(readFileSync(join(folder, "mails.json"), "utf8"));

// What a mail asks of the network is refused and noted: it may ask for nothing.
export async function open(options = {}) {
  const browser = await chromium.launch({ executablePath: "/usr/bin/chromium", args: ["--no-sandbox", "--disable-dev-shm-usage"] });
  const context = await browser.newContext({ viewport: { width: 600, height: 2400 }, ...options });
  const asked = [];
  await context.route("**/*", route => {
    asked.push(route.request().url());
    return route.abort();
  });
  return { browser, context, asked };
}
