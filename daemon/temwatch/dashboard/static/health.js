// Health: the one state word and its reason, the ledger, folders, workers, and what was set aside.

import { alerts, dismiss, setSound, sounds } from "./alerts.js";
import { announce, fact } from "./beside.js";
import { el, put } from "./dom.js";
import { reinject } from "./frame.js";
import { short } from "./geometry.js";
import { order, unsaved } from "./orders.js";
import { sensitivityPanel } from "./sensitivity.js";
import { newest, on, site, stateWord } from "./site.js";
import { ago, rateOf } from "./status.js";

export function health(main) {
  const page = el("div", {});
  const knob = sensitivityPanel(); // beside what is drawn anew with every status, or a drag would end there
  const queued = new Set();
  const warned = el("section", { class: "panel", "aria-label": "Alerts" }); // drawn anew only when it changes: the focus stays
  let shown = "";
  put(main, el("div", { class: "page" }, el("h1", {}, "Health"), warned, page, knob.box));

  function drawAlerts() {
    const open = alerts();
    if (shown === JSON.stringify(open)) return;
    shown = JSON.stringify(open);
    warned.classList.toggle("alarming", open.length > 0);
    put(warned, alertList(open));
  }

  function draw() {
    const [word, reason] = stateWord();
    const status = site.status;
    if (status) knob.update(status);
    put(page, el("div", { class: "panels" },
      el("section", { class: "panel" }, el("h2", {}, "State"), el("div", { class: "big" }, word), el("p", {}, reason || (word === "ready" ? "all is well" : "")),
        status ? el("dl", { class: "facts" }, fact("running since", ago(status.started_at)), fact("last frame", lastFrame(status)), fact("version", `temwatch ${status.version}, pid ${status.pid}`),
          fact("finds with", status.finder), fact("names with", status.model.slice(0, 12)), fact("state disk", `${short(status.disk_free_bytes / 1e9)} GB free`), fact("messages", String(status.head)),
          fact("not yet saved", unsaved().length ? `${unsaved().length} of yours` : "nothing")) : null,
        (status?.notes ?? []).map((note) => el("p", { class: "soft" }, note))),
      status ? ledger(status) : null, status ? workers(status) : null), status ? roots(status) : null, aside());
  }

  function roots(status) {
    return el("section", { class: "panel", tabindex: 0, "aria-label": "Watched folders" }, el("h2", {}, "Watched folders"), el("table", { class: "list" },
      head("folder", "state", "reason", "found by", "files", "frames a minute", "last frame", "scan", ""),
      el("tbody", {}, Object.entries(status.roots).map(([name, root]) => el("tr", {}, el("td", {}, name), el("td", {}, root.state), el("td", {}, root.reason || "–"), el("td", {}, root.discovery),
        num(root.files), el("td", { class: "num", "data-rate": name }, rateOf(status, name)), num(root.last_frame_at ? ago(root.last_frame_at) : "none yet"), num(`${short(root.scan_s * 1000)} ms`),
        el("td", {}, el("button", { onclick: () => order(root.state === "paused" ? "root.resume" : "root.pause", { root: name }) }, root.state === "paused" ? "go on" : "pause")))))));
  }

  function aside() {
    const cards = newest().filter((card) => card.kind === "set_aside");
    return el("section", { class: "panel" }, el("h2", {}, `Set aside (${cards.length})`),
      cards.length ? el("table", { class: "list" }, head("frame", "why", "what now", ""), el("tbody", {}, cards.map((card) => el("tr", {}, el("td", { class: "path" }, el("a", { href: `#/frame/${card.frame_id}` }, card.path)),
        el("td", {}, card.reason), el("td", { class: "soft" }, card.next_step), el("td", {}, el("button", { "data-reinject": card.frame_id, disabled: queued.has(card.frame_id), onclick: () => {
          queued.add(card.frame_id);
          reinject(card.frame_id).catch((error) => announce(error.message)).finally(() => queued.delete(card.frame_id));
          draw();
        } }, queued.has(card.frame_id) ? "queued" : "inspect again")))))) : el("p", { class: "soft" }, "nothing"));
  }

  const told = [on("status", draw), on("alerts", drawAlerts), on("cards", draw), on("state", () => !site.connected && draw())];
  drawAlerts();
  draw();
  return { close: () => told.forEach((stop) => stop()) };
}

function alertList(open) {
  return [el("h2", {}, `Alerts (${open.length})`),
    open.length ? el("ul", { class: "alert-list" }, open.map((one) => el("li", { "data-alert": one.id }, el("div", {}, el("b", {}, one.what), " ", el("span", { class: "soft num" }, `since ${new Date(one.at).toLocaleString([], { dateStyle: "short", timeStyle: "short" })}`)),
      el("div", { class: "soft" }, one.todo), el("button", { onclick: () => dismiss(one.id) }, "dismiss")))) : el("p", { class: "soft" }, "Nothing needs you."),
    el("label", { class: "soft" }, el("input", { type: "checkbox", "data-sound": "", checked: sounds(), onchange: (event) => setSound(event.target.checked) }), " a soft sound for each new alert, in this browser")];
}

const NUMBERS = new Set("frames a minute,files,scan,last frame,for,done,seen,queued,held,set aside,gone".split(","));
const num = (value) => el("td", { class: "num" }, String(value));
const head = (...names) => el("thead", {}, el("tr", {}, names.map((name) => (name ? el("th", { scope: "col", class: NUMBERS.has(name) ? "num" : null }, name) : el("td")))));

function ledger(status) {
  const names = ["seen", "done", "queued", "held", "set_aside", "gone"];
  const balanced = (one) => one.seen === one.done + one.queued + one.held + one.set_aside + one.gone;
  const all = Object.values(status.ledger).every(balanced);
  return el("section", { class: "panel", tabindex: 0, "aria-label": "Ledger" }, el("h2", {}, "Ledger"),
    el("p", { class: all ? "done" : "" }, all ? "balanced: every frame ever seen is accounted for" : "NOT balanced: frames are missing; run `temwatch doctor`"),
    el("table", { class: "list" }, head("folder", ...names.map((name) => name.replace("_", " "))), el("tbody", {}, Object.entries(status.ledger).map(([root, one]) => el("tr", {}, el("td", {}, root), names.map((name) => num(one[name])))))));
}

function workers(status) {
  return el("section", { class: "panel", tabindex: 0, "aria-label": "Workers" }, el("h2", {}, "Workers"), el("table", { class: "list" }, head("worker", "state", "doing", "for", "done"),
    el("tbody", {}, status.workers.map((one) => el("tr", {}, el("td", {}, one.name), el("td", {}, one.state), el("td", { class: "path" }, one.doing || "–"), num(`${short(one.for_s)} s`), num(one.jobs_done))))));
}

function lastFrame(status) {
  const times = Object.values(status.roots).map((root) => root.last_frame_at).filter(Boolean).sort();
  return times.length ? ago(times.at(-1)) : "none yet";
}
