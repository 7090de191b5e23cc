// Runs in the page: what is wrong with the mail that it shows, as sentences. Nothing here knows our templates but the one hidden
// line before the mail (the preheader, which clients show in the list).

export function faults({ direction, width }) {
  const found = [];
  const say = (node, what) => found.push(`${what}: ${(node.textContent ?? "").trim().replace(/\s+/g, " ").slice(0, 60)}`);
  const parse = color => {
    const numbers = color.match(/[\d.]+/g).map(Number);
    return { rgb: numbers.slice(0, 3), alpha: numbers[3] ?? 1 };
  };
  const over = (top, under) => top.rgb.map((value, i) => value * top.alpha + under[i] * (1 - top.alpha));
  const luminance = rgb => {
    const [r, g, b] = rgb.map(value => value / 255).map(c => (c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4));
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const contrast = (a, b) => {
    const [high, low] = [luminance(a), luminance(b)].sort((x, y) => y - x);
    return (high + 0.05) / (low + 0.05);
  };
  // What stands behind an element: every layer up to the page's own.
  const behind = element => {
    const layers = [];
    for (let at = element; at; at = at.parentElement) layers.push(parse(getComputedStyle(at).backgroundColor));
    return layers.reverse().reduce((under, layer) => over(layer, under), [255, 255, 255]);
  };

  const root = document.documentElement;
  if (root.scrollWidth > width) found.push(`the page is ${root.scrollWidth} px wide on ${width}`);
  if (!root.lang || !document.title) found.push("lang or title is missing");

  let hidden = 0, seen = 0, lowest = 99, smallest = 99;
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  for (let node; (node = walker.nextNode()); ) {
    if (!node.data.trim()) continue;
    const element = node.parentElement;
    const style = getComputedStyle(element);
    if (style.display === "none") {
      hidden += 1;
      if (element !== document.body.firstElementChild) say(element, "hidden");
      continue;
    }
    seen += 1;
    const range = document.createRange();
    range.selectNodeContents(node);
    const boxes = [...range.getClientRects()].filter(box => box.width && box.height);
    if (!boxes.length) { say(element, "no size"); continue; }
    for (const box of boxes) {
      if (box.left < -0.5 || box.right > width + 0.5 || box.top < 0) say(element, `outside (${box.left}…${box.right} of ${width})`);
      // Half a pixel in from where the reading of the line starts, something of the text's own must be on top.
      const top = document.elementFromPoint((box.left + box.right) / 2, (box.top + box.bottom) / 2);
      if (!top || !(top === element || element.contains(top) || top.contains(element))) say(element, `covered by ${top?.tagName}`);
    }
    let opacity = 1;
    for (let at = element; at; at = at.parentElement) {
      const own = getComputedStyle(at);
      opacity *= Number(own.opacity);
      if (own.overflowX !== "visible" || own.overflowY !== "visible") {
        if (at.scrollWidth > at.clientWidth + 1 || at.scrollHeight > at.clientHeight + 1) say(at, "clipped");
      }
      // A box whose text runs out of it at the side.
      if (at !== root && at.clientWidth && at.scrollWidth > at.clientWidth + 1) say(at, `text out of its ${at.tagName}`);
    }
    if (style.visibility !== "visible" || opacity < 1) say(element, "not fully visible");
    if (parseFloat(style.fontSize) < 13) say(element, `only ${style.fontSize}`);
    smallest = Math.min(smallest, parseFloat(style.fontSize));
    const ground = behind(element);
    const ratio = contrast(over(parse(style.color), ground), ground);
    lowest = Math.min(lowest, ratio);
    if (ratio < 4.5) say(element, `contrast ${ratio.toFixed(2)}`);
  }
  if (hidden > 1) found.push(`${hidden} hidden texts`);
  if (seen < 4) found.push(`only ${seen} texts are to be seen`);

  // Everything starts at the side where the language starts, links too; but those are read from the left in every language.
  for (const p of document.querySelectorAll("p")) {
    if (!p.textContent.trim()) continue;
    const style = getComputedStyle(p);
    if (!p.dir && style.direction !== direction) say(p, `set ${style.direction}`);
    const range = document.createRange();
    range.selectNodeContents(p);
    const lines = [...range.getClientRects()].filter(box => box.width);
    const box = p.getBoundingClientRect();
    const gap = direction === "rtl"
      ? box.right - parseFloat(style.paddingRight) - parseFloat(style.borderRightWidth) - Math.max(...lines.map(line => line.right))
      : Math.min(...lines.map(line => line.left)) - box.left - parseFloat(style.paddingLeft) - parseFloat(style.borderLeftWidth);
    if (Math.abs(gap) > 2) say(p, `starts ${gap.toFixed(0)} px from its side`);
  }
  for (const element of document.querySelectorAll(".code,.link")) {
    const text = element.textContent;
    if (/^(https:|[\d\s-]+$)/.test(text) && getComputedStyle(element).direction !== "ltr") say(element, "link or code set from the right");
  }

  for (const a of document.querySelectorAll("a[href]")) {
    const box = a.getBoundingClientRect();
    if (box.height < 44 || box.width < 44) say(a, `target of ${box.width.toFixed(0)}×${box.height.toFixed(0)}`);
  }
  for (const image of document.images) {
    if (!image.complete || !image.naturalWidth) say(image, `picture not shown ${image.src.slice(0, 40)}`);
    if (!image.hasAttribute("alt")) say(image, "picture without alt");
  }
  return { found: [...new Set(found)], lowest, smallest };
}

// The characters of a text that no font of this machine has: they look like one that no font can have.
export function tofu({ characters, locale, font }) {
  const canvas = document.createElement("canvas");
  canvas.width = canvas.height = 48;
  canvas.lang = locale;
  document.body.append(canvas);
  const pen = canvas.getContext("2d", { willReadFrequently: true });
  const drawn = character => {
    pen.clearRect(0, 0, 48, 48);
    pen.font = font;
    pen.fillText(character, 8, 36);
    return pen.getImageData(0, 0, 48, 48).data.join();
  };
  const [missing, blank] = [drawn("\u0378"), drawn(" ")];
  if (missing === blank) return ["a missing glyph can't be told from a blank"];
  return characters.filter(character => [missing, blank].includes(drawn(character)));
}
