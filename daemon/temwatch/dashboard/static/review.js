// Review: the finding most worth a label, large, beside its whole frame. One key says what it is, the next one is there.

import { ask, frame, picture } from "./api.js";
import { announce, percent, remember, say, sayButtons, stateText, undo } from "./beside.js";
import { classOfKey } from "./beside.js";
import { words } from "./classes.js";
import { el, put } from "./dom.js";
import { short } from "./geometry.js";
import { inspected, on, operator, site, tell } from "./site.js";
import { classesOf, EXTRA, FrameView, swatch } from "./view.js";

const PAGE = 20;
const AHEAD = 4; // findings whose pictures are fetched before they are asked for
const WHYS = {
  margin: "the machine is undecided", novelty: "unlike what was learned", disagreement: "the machine says otherwise than the labels most like it",
  control: "a blind sample: the machine's opinion stays hidden", doubtful: "somebody was in doubt", anchor: "the object moved when the frame was inspected anew",
};

export function review(main) {
  const near = new FrameView({ tools: false });
  const whole = new FrameView({ tools: false });
  near.root.setAttribute("aria-label", "The finding");
  whole.root.setAttribute("aria-label", "Its frame");
  const side = el("aside", { class: "side", "aria-label": "What is it?" });
  put(main, el("div", { class: "review" }, near.root, whole.root, side));
  let items = [];
  let now = null; // the item on the screen
  const done = new Map(); // finding_id -> item, of what was said here
  let counts = { waiting: 0, labelled: 0 };
  let asking = null;
  let note = "";
  let simple = false; // the daemon has no review queue

  function more() {
    asking ??= fetchMore().catch((error) => { note = error.message; sides(); }).finally(() => { asking = null; if (!now) sides(); });
    return asking;
  }

  async function fetchMore() {
    let got;
    try {
      got = await ask("review.next", { limit: PAGE });
    } catch (error) {
      if (error.code !== "unknown_command") throw error;
      got = await byMargin();
      simple = true;
    }
    counts = { waiting: got.waiting, labelled: got.labelled };
    const known = new Set([...items.map((item) => item.finding_id), ...done.keys(), now?.finding_id]);
    items.push(...got.items.filter((item) => !known.has(item.finding_id)));
    note = "";
    ahead();
    if (!now) next();
    else sides();
  }

  const ahead = () => items.slice(0, AHEAD).forEach((item) => fetched(item).catch(() => {}));

  async function fetched(item) {
    const [got, image] = await Promise.all([frame(item.frame_id), picture(item.frame_id).catch(() => null)]);
    return { report: item.blind ? unsaid(got.report) : got.report, image };
  }

  async function next() {
    now = items.shift() ?? null;
    show();
    ahead();
    if (items.length < AHEAD) more();
  }

  async function show() {
    const item = now;
    if (!item) {
      near.show(null, null);
      whole.show(null, null);
      return sides();
    }
    const { report, image } = await fetched(item).catch(() => ({ report: null, image: null }));
    if (item !== now) return;
    for (const view of [near, whole]) {
      view.only = "none"; // this finding alone, and in the colour of its class only where that may be known
      view.extra = null;
      if (!item.blind) view.only = item.finding_id;
      if (item.blind || !report?.findings.some((one) => one.finding_id === item.finding_id)) view.extra = item.rectangle;
      view.show(report, image);
    }
    near.closeUp(item.rectangle);
    whole.choose(whole.extra ? EXTRA : item.finding_id, { quiet: true });
    main.dataset.item = item.finding_id;
    main.dataset.blind = String(item.blind);
    sides();
  }

  function sides() {
    const total = counts.waiting + counts.labelled;
    const progress = el("section", {}, el("h2", {}, "Progress"),
      el("div", { class: "bar", role: "img", "aria-label": `${counts.labelled} of ${total} labelled` }, bar(counts.labelled / Math.max(1, total))),
      el("p", { class: "num soft" }, `${counts.labelled} labelled, ${counts.waiting} waiting, ${done.size} by you just now`), advice(counts));
    put(side, now ? about(now) : el("p", {}, note || (asking ? "Asking what to look at …" : site.cards.size ? "Nothing waits for a label." : "No frame has been inspected yet; what is most worth a label appears here.")), note && now ? el("p", { class: "soft" }, note) : null, progress,
      el("p", { class: "soft" }, el("kbd", {}, "→"), " skips, ", el("kbd", {}, "u"), " takes the last one back", simple ? "; the daemon has no review queue, so these are the least certain of the newest frames" : ""));
  }

  function about(item) {
    const label = item.blind ? null : site.labels.get(item.finding_id);
    const chances = Object.entries(item.probability ?? {}).filter(([, p]) => p >= 0.005).sort((a, b) => b[1] - a[1]).slice(0, 3);
    return el("div", {}, el("h1", {}, "What is it?"), el("p", { class: "soft" }, item.said && item.why === "disagreement" ? "two people disagree" : (WHYS[item.why] ?? item.why)),
      item.blind ? el("p", {}, swatch(null), "machine's opinion hidden") : el("div", {}, chances.map(([name, p]) =>
        el("div", {}, swatch(name), `${words(name)} `, el("b", { class: "num" }, percent(p))))),
      item.said ? el("p", {}, `${item.said.by} said ${words(item.said.class)}`) : null, label ? el("p", {}, stateText(label)) : null,
      sayButtons(near.report ?? { classes: null }, (name) => said(name ?? ""), takeBack, { confirm: !item.blind }),
      el("dl", { class: "facts" }, el("dt", {}, "frame"), el("dd", {}, item.blind ? item.path : el("a", { href: `#/frame/${item.frame_id}/${item.finding_id}` }, item.path)),
        el("dt", {}, "size"), el("dd", { class: "num" }, `${short(item.rectangle.length_px)} × ${short(item.rectangle.width_px)} px`),
        item.novelty === null ? null : [el("dt", {}, "novelty"), el("dd", { class: "num" }, short(item.novelty))]));
  }

  /** Say what the finding is; "" confirms the machine. */
  function said(name) {
    if (!now) return;
    if (!name && now.blind) return tell("notice", "A blind sample can't be confirmed: say what you see.");
    const item = now;
    const started = performance.now();
    const one = say(item.finding_id, name || item.class, { revision: item.blind ? null : (site.labels.get(item.finding_id)?.revision ?? item.revision), blind: item.blind });
    if (!one) return;
    remember(one, item);
    done.set(item.finding_id, item);
    counts = { waiting: Math.max(0, counts.waiting - (item.said ? 0 : 1)), labelled: counts.labelled + (item.said ? 0 : 1) };
    one.done.catch(() => done.delete(item.finding_id));
    announce(words(name || item.class));
    next().then(() => requestAnimationFrame(() => { main.dataset.nextMs = String(Math.round(performance.now() - started)); }));
  }

  function takeBack() {
    const item = undo();
    if (!item?.finding_id) return;
    done.delete(item.finding_id);
    if (now) items.unshift(now);
    now = item;
    counts = { waiting: counts.waiting + 1, labelled: Math.max(0, counts.labelled - 1) };
    show();
  }

  const told = [
    on("label", (label) => {
      // Somebody else was faster: it need not be looked at twice, unless it is a blind sample.
      const before = items.length;
      items = items.filter((item) => item.blind || item.said || item.finding_id !== label.finding_id || !label.class);
      if (items.length < before || (now && !now.blind && now.finding_id === label.finding_id)) sides();
    }),
    on("connected", () => { if (!now || items.length < AHEAD) more(); }),
    on("card", () => { if (!now) more(); }),
  ];
  sides();
  more();
  if (!operator()) tell("notice", "Say who you are, above: your name is kept with every label.");

  return {
    key(event) {
      const name = classOfKey(near.report ?? { classes: null }, event.key);
      if (name !== null) return said(name), true;
      if (event.key === "u") return takeBack(), true;
      if (event.key === "ArrowRight") return next(), true;
      if (event.key === "ArrowLeft") return true;
      const took = near.key(event.key);
      if (event.key === "h") whole.key("h");
      return took;
    },
    close: () => told.forEach((stop) => stop()),
  };
}

function bar(share) {
  const fill = el("i");
  fill.style.width = `${100 * share}%`;
  return fill;
}

function advice({ labelled }) {
  const step = [20, 50, 100, 200, 500].find((n) => labelled < n);
  return el("p", { class: "soft" }, step ? `${step - labelled} more labels make ${step}.` : "New kinds of frames are worth more now than more of the same.");
}

/** Return a report without anything the machine said. */
function unsaid(report) {
  return { ...report, classes: classesOf(report), findings: [], verdict: null, summary: null };
}

/** The least certain findings of the newest frames, where the daemon has no queue of its own. */
async function byMargin() {
  const reports = (await Promise.all(inspected().slice(0, 12).map((card) => frame(card.frame_id)))).map((got) => got.report).filter(Boolean);
  const open = reports.flatMap((report) => report.findings.filter((one) => !site.labels.get(one.finding_id)).map((one) => {
    const [first, second = 0] = Object.values(one.probability).sort((a, b) => b - a);
    return { finding_id: one.finding_id, frame_id: report.frame_id, root: report.root, path: report.path, why: "margin", blind: false, class: one.class, probability: one.probability,
      prediction_set: one.prediction_set, novelty: one.novelty, rectangle: one.rectangle, revision: null, said: null, margin: first - second };
  }));
  return { items: open.sort((a, b) => a.margin - b.margin).slice(0, PAGE), waiting: open.length, labelled: site.labels.size };
}
