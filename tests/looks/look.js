// Looks at every mail in Chromium: light and dark, 600 and 320 px wide; and once light, once dark by axe-core.
//
//   node look.js FOLDER        FOLDER/mails.json as daemon/tests/looks.rs writes it

import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { mails as read, open, rtl } from "./browser.js";
import { faults, tofu } from "./page.js";

const AXE = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
const LARGEST = 20 * 1024;
// A mail is no page of a site: nothing to skip to, no landmarks; the reader's own page has them around it.
const NOT_OF_MAIL = ["region", "landmark-one-main", "page-has-heading-one", "bypass"];
const PAGES = 3;

const mails = read(process.argv[2]);
const { browser, context, asked } = await open();
const wrong = new Map();
const note = (mail, where, what) => {
  const key = what.replace(/\d+(\.\d+)?/g, "n").slice(0, 30);
  if (!wrong.has(key)) wrong.set(key, []);
  wrong.get(key).push(`${mail} ${where}: ${what}`);
};
let looks = 0, lowest = 99, smallest = 99, axes = 0, largest = 0;

async function look(page, mail) {
  const size = Buffer.byteLength(mail.html);
  largest = Math.max(largest, size);
  if (size > LARGEST) note(mail.name, "", `${size} octets`);
  await page.setContent(mail.html, { waitUntil: "load" });
  const direction = rtl(mail.locale) ? "rtl" : "ltr";
  const real = await page.evaluate(() => getComputedStyle(document.body).direction);
  if (real !== direction) note(mail.name, "", `direction ${real}`);
  for (const colorScheme of ["light", "dark"]) {
    await page.emulateMedia({ colorScheme });
    for (const width of [600, 320]) {
      await page.setViewportSize({ width, height: 2400 });
      const seen = await page.evaluate(faults, { direction, width });
      looks += 1;
      lowest = Math.min(lowest, seen.lowest);
      smallest = Math.min(smallest, seen.smallest);
      for (const what of seen.found) note(mail.name, `${colorScheme} ${width}`, what);
    }
    // Link and code together hold all that either alone does; narrow is what the last look left.
    if (mail.variant === "plain" && ["both", ""].includes(mail.method)) {
      axes += 1;
      for (const what of await violations(page)) note(mail.name, colorScheme, what);
    }
  }
}

async function violations(page) {
  await page.evaluate(AXE + ";0");
  return page.evaluate(async off => {
    const rules = Object.fromEntries(off.map(rule => [rule, { enabled: false }]));
    const { violations } = await axe.run(document, { resultTypes: ["violations"], rules });
    return violations.map(v => `axe ${v.id}: ${v.help}: ${v.nodes[0]?.html.slice(0, 80)}`);
  }, NOT_OF_MAIL);
}

// A check that can't fail is none: this page has every fault that is looked for.
async function failing() {
  const page = await context.newPage();
  await page.setContent(`<!doctype html><p>not in the list</p><p style="color:#bbb;width:900px;font-size:10px">pale, small and wide</p>
<p style="display:none">away</p><p style="height:8px;overflow:hidden">cut</p><a href="mailto:a@b.example">small</a><img src="data:,">
<div style="position:relative"><p>covered</p><div style="position:absolute;inset:0;background:#fff"></div></div>`);
  const { found } = await page.evaluate(faults, { direction: "rtl", width: 600 });
  const seen = [...found, ...(await violations(page))].join("\n");
  for (const fault of ["px wide on", "lang or title", "contrast", "only 10px", "hidden", "clipped", "set ltr", "from its side", "target of", "without alt", "covered", "axe color-contrast", "axe image-alt", "axe html-has-lang"]) {
    if (!seen.includes(fault)) note("the page of faults", "", `${fault} is not found`);
  }
  if (!(await page.evaluate(tofu, { characters: ["\u0378"], locale: "en", font: "24px sans-serif" })).length) note("the page of faults", "", "a missing glyph is not seen");
  await page.close();
}

async function worker(queue) {
  const page = await context.newPage();
  for (let mail; (mail = queue.pop()); ) await look(page, mail);
  await page.close();
}

// Which fonts show each language, as Chromium says; and that each of its characters is in one of them.
async function fonts() {
  const page = await context.newPage();
  const cdp = await context.newCDPSession(page);
  await cdp.send("DOM.enable");
  await cdp.send("CSS.enable");
  const used = new Map();
  for (const locale of [...new Set(mails.map(mail => mail.locale))]) {
    const own = mails.filter(mail => mail.locale === locale);
    const text = own.map(mail => mail.html.replace(/<style[\s\S]*?<\/style>|<[^>]+>/g, "").replace(/&[a-z]+;/g, "")).join("");
    const characters = [...new Set(text)].filter(character => !/[\s\p{Cf}\p{M}]/u.test(character));
    await page.setContent(own.find(mail => mail.wording === "friendly" && mail.method === "both").html);
    const font = await page.evaluate(() => `24px ${getComputedStyle(document.querySelector(".card")).fontFamily}`);
    const missing = await page.evaluate(tofu, { characters, locale, font });
    if (missing.length) note(locale, "", `no font has ${missing.join(" ")}`);
    const { root } = await cdp.send("DOM.getDocument", { depth: -1 });
    const { nodeIds } = await cdp.send("DOM.querySelectorAll", { nodeId: root.nodeId, selector: "p" });
    const names = new Set();
    for (const nodeId of nodeIds) {
      const { fonts } = await cdp.send("CSS.getPlatformFontsForNode", { nodeId });
      fonts.forEach(font => names.add(font.familyName));
    }
    const key = [...names].sort().join(", ");
    used.set(key, [...(used.get(key) ?? []), locale]);
  }
  await page.close();
  return used;
}

const queue = [...mails].reverse();
await failing();
const used = await fonts();
await Promise.all(Array.from({ length: PAGES }, () => worker(queue)));
const version = browser.version();
await browser.close();
if (asked.length) note("network", "", `asked for ${asked[0]}`);

console.log(`Chromium ${version}, ${mails.length} mails, ${looks} looks, ${axes} by axe-core; largest HTML ${largest} octets, lowest contrast ${lowest.toFixed(2)}, smallest text ${smallest} px`);
for (const [names, locales] of used) console.log(`  ${names}: ${locales.join(" ")}`);
for (const [, all] of wrong) console.error(`${all.length} ×\n  ${all.slice(0, 6).join("\n  ")}`);
// Not exit(): what is still in the pipe would be lost.
process.exitCode = wrong.size ? 1 : 0;
