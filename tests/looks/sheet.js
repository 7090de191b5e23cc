// Makes the contact sheet under docs/mails: what a person looks at.
//
//   node sheet.js FOLDER OUT        FOLDER/mails.json as daemon/tests/looks.rs writes it; PNG beside WebP with LOOKS_PNG=1

import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { mails as read, open } from "./browser.js";

const [folder, out] = process.argv.slice(2);
const mails = read(folder);
const { browser, context } = await open({ viewport: { width: 1200, height: 800 } });
const page = await context.newPage();
const cdp = await context.newCDPSession(page);
mkdirSync(out, { recursive: true });

const escape = text => text.replace(/&/g, "&amp;").replace(/"/g, "&quot;").replace(/</g, "&lt;");
// As in the gallery: a mail turns dark by itself where the reader's screen is; here by choice.
const dress = (html, dark) => html.replaceAll("(prefers-color-scheme:dark)", dark ? "all" : "not all")
  .replace("color-scheme:light dark", dark ? "color-scheme:dark" : "color-scheme:light");
const shown = (mail, width, dark) => `<iframe title="" style="width:${width}px" srcdoc="${escape(dress(mail.html, dark))}"></iframe>`;
const named = (mail, shots) => `<figure><figcaption><b>${mail.locale}</b> ${mail.wording} ${mail.method} — <bdi>${escape(mail.subject)}</bdi></figcaption>${shots.join("")}</figure>`;

async function sheet(name, width, figures, scale, quality) {
  await page.setViewportSize({ width, height: 800 });
  await page.setContent(`<!doctype html><meta charset="utf-8"><style>body{margin:12px;display:flex;flex-wrap:wrap;gap:12px;align-items:flex-start;background:#c9d1db;font:16px "Liberation Sans",sans-serif}
figure{margin:0}figcaption{padding:2px 0 4px}iframe{border:0;vertical-align:top;margin-right:6px}</style>${figures.join("")}`);
  await page.waitForFunction(() => [...document.querySelectorAll("iframe")].every(frame => frame.contentDocument?.querySelector(".card")));
  // Twice, as the width of a frame may change with its height.
  const clip = await page.evaluate(() => {
    for (const frame of document.querySelectorAll("iframe")) frame.style.height = `${frame.contentDocument.querySelector("table").getBoundingClientRect().height}px`;
    const { width, height } = document.documentElement.getBoundingClientRect();
    return { x: 0, y: 0, width, height };
  });
  const shot = options => cdp.send("Page.captureScreenshot", { captureBeyondViewport: true, clip: { ...clip, scale }, ...options });
  const { data } = await shot({ format: "webp", quality });
  const picture = Buffer.from(data, "base64");
  writeFileSync(join(out, `${name}.webp`), picture);
  if (process.env.LOOKS_PNG) writeFileSync(join(out, `${name}.png`), Buffer.from((await shot({ format: "png" })).data, "base64"));
  return picture.length;
}

const of = (locale, wording, method) => mails.find(mail => mail.variant === "plain" && mail.locale === locale && mail.wording === wording && ["", method].includes(mail.method));
const wordings = [...new Set(mails.map(mail => mail.wording))];
const locales = [...new Set(mails.map(mail => mail.locale))];
let octets = await sheet("wordings", 1500, wordings.map(wording => {
  const mail = of("en", wording, wording === "code" ? "code" : wording === "easy" ? "both" : "link");
  return named(mail, [shown(mail, 400, false), shown(mail, 320, true)]);
}), 0.62, 25);
// Every language with link and code, wide and narrow, light and dark.
const PER_SHEET = 6;
for (let i = 0; i * PER_SHEET < locales.length; i++) {
  const figures = locales.slice(i * PER_SHEET, (i + 1) * PER_SHEET).map(locale => {
    const mail = of(locale, "tell-us", "both");
    return named(mail, [shown(mail, 600, false), shown(mail, 320, false), shown(mail, 600, true), shown(mail, 320, true)]);
  });
  octets += await sheet(`languages-${i + 1}`, 1910, figures, 0.55, 22);
}
// What is set from the right, and the scripts without blanks, in more than one wording.
for (const [name, some] of [["right-to-left", ["ar", "fa", "he"]], ["east-asia", ["ja", "ko", "zh-Hans", "zh-Hant"]]]) {
  const figures = some.flatMap(locale => ["time-limited", "failed-logins", "changed", "alert"].map(wording => {
    const mail = of(locale, wording, "link");
    return named(mail, [shown(mail, 400, wording === "changed")]);
  }));
  octets += await sheet(name, 1680, figures, 0.62, 25);
}
await browser.close();
console.log(`${mails.length} mails, ${locales.length} languages on sheets of ${octets} octets`);
