// Live: the newest frame, its verdict and why, and the latest ones in a strip.

import { frame, labelsOf, picture } from "./api.js";
import { announce, finderPanel, frameBlock, undo, verdictBlock } from "./beside.js";
import { drawInto } from "./drawing.js";
import { el, put } from "./dom.js";
import { inspected, newest, on, site } from "./site.js";
import { ago, rateOf } from "./status.js";
import { FrameView } from "./view.js";

const STRIP = 24;
const POINTER_HOLD_MS = 10_000;
const LONGEST_HOLD_MS = 120_000;
const SETTLE_MS = 120; // a burst of frames is drawn once, the first of it at once

export function live(main) {
  const view = new FrameView({ choose: () => chosen(), draw: (rectangle) => drawInto(view, rectangle, host.drawing), hint });
  const host = { verdict: el("div"), frame: el("div"), one: el("div"), drawing: el("div"), folders: el("section", { class: "folders", "aria-label": "Watched folders" }), hint: el("p", { class: "soft", role: "status" }) };
  const strip = el("div", { class: "strip", "aria-label": "Latest frames", tabindex: "0" });
  const held = el("button", { class: "held", hidden: true, onclick: () => release() });
  view.glass.append(held);
  put(main, el("h1", { class: "unseen" }, "Live"), el("div", { class: "bench" }, view.root,
    el("aside", { class: "side", "aria-label": "Verdict" }, host.verdict, host.drawing, host.hint, host.one, host.frame, host.folders), strip));
  const panel = finderPanel(view, host.one);
  let showing = null; // frame_id on the screen
  let pinned = null; // why the screen is held
  let pinnedAt = 0;
  let timer = null;
  let wanted = 0;

  function hint(text) {
    host.hint.textContent = text;
  }

  function chosen() {
    if (view.chosen) hold("a finding is chosen");
    else if (pinned === "a finding is chosen") release();
    panel.refresh();
  }

  function hold(why) {
    pinned = why;
    pinnedAt = Date.now();
    sayHeld();
  }

  function release() {
    pinned = null;
    view.choose(null, { quiet: true });
    panel.refresh();
    follow();
  }

  function sayHeld() {
    const newer = inspected().findIndex((card) => card.frame_id === showing);
    held.hidden = pinned === null;
    if (pinned) held.textContent = `held: ${pinned}${newer > 0 ? `; ${newer} newer` : ""} — Space goes on`;
  }

  function follow() {
    sayHeld();
    if (pinned || opening) return; // one after the other: frames that come fast would keep each other from being drawn
    // What is under the pointer stays there, but not for ever.
    if (view.pointerOver && showing && Date.now() - shownAt < POINTER_HOLD_MS) return;
    const card = inspected()[0];
    if (card && card.frame_id !== showing) open(card.frame_id);
    else if (card && card.revision !== view.report?.revision) open(card.frame_id);
  }

  let shownAt = 0;
  let opening = 0;
  async function open(id) {
    opening += 1;
    const drawn = await drawnOf(id).finally(() => { opening -= 1; });
    if (drawn) follow();
  }

  /** Draw a frame; false where it could not be had, or another one was asked for meanwhile. */
  async function drawnOf(id) {
    const turn = ++wanted;
    showing = id;
    const known = labelsOf(id).catch(() => []);
    const [got, image] = await Promise.all([frame(id), picture(id).catch(() => null)]).catch(() => [null, null]);
    if (turn !== wanted || !got?.report) return false;
    view.show(got.report, image, { keep: true });
    shownAt = Date.now();
    put(host.verdict, verdictBlock(got.report));
    put(host.frame, frameBlock(got.report));
    panel.refresh();
    main.dataset.drawn = id; // and when, by the clock that stamps messages: for whoever measures
    main.dataset.drawnAt = String(Date.now());
    announce(`${got.report.path}: ${got.report.verdict.decision}`);
    strips();
    const drawn = await known;
    if (turn !== wanted) return false;
    if (drawn.length) view.show(got.report, image, { drawn, keep: true });
    panel.refresh();
    return true;
  }

  /** One line a folder: how it is, how many frames a minute, and how old the newest is. */
  function folders() {
    put(host.folders, Object.entries(site.status?.roots ?? {}).map(([name, root]) => el("p", { class: "num soft" }, el("b", {}, name), ` ${root.state}, ${rateOf(site.status, name)} a minute, newest ${root.last_frame_at ? ago(root.last_frame_at) : "none yet"}`)));
  }

  function strips() {
    const cards = newest().slice(0, STRIP);
    const known = new Map([...strip.children].map((tile) => [tile.dataset.key, tile]));
    put(strip, cards.map((card) => {
      const key = `${card.frame_id}/${card.revision}/${card.kind}/${card.verdict?.decision ?? ""}`;
      const one = known.get(key) ?? tile(card, key);
      one.toggleAttribute("aria-current", card.frame_id === showing);
      return one;
    }));
  }

  function tile(card, key) {
    const word = card.verdict?.decision ?? card.kind.replace("_", " ");
    return el("a", { class: "tile", href: `#/frame/${card.frame_id}`, "data-key": key, title: card.verdict?.reasons?.[0] ?? card.reason ?? "",
      onclick: (event) => {
        if (card.kind !== "inspected") return;
        event.preventDefault();
        hold("an older frame is shown");
        open(card.frame_id);
      } },
      el("span", { class: "thumb" }, card.kind === "inspected" ? el("img", { src: `api/preview/${card.frame_id}.jpg`, alt: "", loading: "lazy", decoding: "async" }) : null),
      el("span", { class: "mark", "data-word": word }, word, el("span", { class: "soft" }, card.findings ?? "")),
      el("span", { class: "path" }, `\u200e${card.path}`));
  }

  function step(by) {
    const cards = inspected();
    const next = cards[cards.findIndex((card) => card.frame_id === showing) + by];
    if (!next) return;
    hold("an older frame is shown");
    open(next.frame_id);
  }

  const told = [
    on("cards", () => {
      if (timer !== null) return;
      follow();
      timer = setTimeout(() => {
        timer = null;
        strips();
        follow();
      }, SETTLE_MS);
    }),
    on("status", folders),
    on("label", (label) => {
      if (label.frame_id !== showing) return;
      if (label.drawn && !view.drawn.some((one) => one.finding_id === label.finding_id)) view.drawn.push(label);
      view.outline();
      panel.refresh();
    }),
  ];
  const tick = setInterval(() => {
    if (pinned && Date.now() - pinnedAt > LONGEST_HOLD_MS) {
      release();
      hint("the hold ended by itself after two minutes");
    } else follow();
  }, 1000);
  strips();
  folders();
  follow();
  panel.refresh();
  if (!site.cards.size) put(host.verdict, [el("h2", {}, "Waiting for the first frame"), el("p", { class: "soft" }, "As soon as the microscope has written one into a watched folder, it appears here with what was found in it.")]);

  return {
    key(event) {
      if (event.key === " ") {
        if (pinned) release();
        else hold("you held it");
        return true;
      }
      if (event.key === "n") return step(-1) ?? true;
      if (event.key === "b") return step(1) ?? true;
      if (event.key === "u") return undo(), true;
      return panel.key(event) || view.key(event.key);
    },
    close() {
      told.forEach((stop) => stop());
      clearInterval(tick);
      clearTimeout(timer);
    },
  };
}
