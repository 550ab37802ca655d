// What stands beside a frame: verdict and why, counts, the chosen finding with its buttons. And saying what it is.

import { el, put } from "./dom.js";
import { words } from "./classes.js";
import { short } from "./geometry.js";
import { order } from "./orders.js";
import { operator, site, tell } from "./site.js";
import { classKeys, swatch } from "./view.js";

export function announce(text) {
  document.getElementById("announce").textContent = text;
}

export const percent = (share) => `${Math.round(share * 100)} %`;

export function verdictBlock(report) {
  const { decision, reasons } = report.verdict;
  return [
    el("div", { class: "verdict", "data-word": decision }, decision),
    el("ul", { class: "why" }, reasons.map((reason) => el("li", {}, reason))),
  ];
}

export function frameBlock(report) {
  const nm = report.calibration.nm_per_px;
  const size = report.summary.particle_size_nm;
  const rows = Object.entries(report.summary.count_by_class).filter(([, n]) => n > 0);
  return [
    el("div", {}, el("a", { class: "name", href: `#/frame/${report.frame_id}` }, report.path), el("span", { class: "soft" }, ` in ${report.root}`)),
    rows.length
      ? el("table", { class: "counts" }, el("tbody", {}, rows.map(([name, n]) => el("tr", {}, el("td", {}, swatch(name), words(name)), el("td", { class: "num" }, String(n))))))
      : el("p", { class: "soft" }, "nothing found"),
    el("dl", { class: "facts" },
      fact("pixel", nm === null ? "size unknown: no nm" : `${short(nm)} nm (${report.calibration.source})`),
      fact("frame", `${report.shape[1]} × ${report.shape[0]} px, ${report.imaging_mode.value ?? "mode unknown"}`),
      size.n ? fact("particles", `${size.n}, mean ${short(size.mean)} nm${size.mean_ci95 ? ` [${short(size.mean_ci95[0])}, ${short(size.mean_ci95[1])}]` : ""}`) : null,
      fact("model", `${report.model.method} ${report.model.id.slice(0, 8)}`)),
    report.notes.map((note) => el("p", { class: "soft" }, note)),
  ];
}

export const fact = (name, value) => [el("dt", {}, name), el("dd", { class: "num" }, value)];

/** The chosen finding, what the machine and people say of it, and a button for every class. */
export function findingBlock(view, { onSay, onUndo }) {
  const one = view.outlines().find((other) => other.id === view.chosen);
  if (!one) return el("p", { class: "soft" }, "Choose a finding (arrow keys or click), then one key says what it is.");
  const { finding, label } = one;
  const chances = finding ? Object.entries(finding.probability).filter(([, p]) => p >= 0.005).sort((a, b) => b[1] - a[1]).slice(0, 3) : [];
  return el("section", { class: "one", "aria-label": "Chosen finding" },
    el("h2", {}, el("a", { href: `#/frame/${view.report.frame_id}/${one.id}` }, `finding ${one.id.split(".").pop()}`)),
    el("div", {}, swatch(one.class), el("b", {}, words(one.class)), " ", stateText(label)),
    finding ? el("dl", { class: "facts" },
      fact("machine", chances.map(([name, p]) => `${words(name)} ${percent(p)}`).join(", ")),
      fact("size", finding.equivalent_diameter_nm === null ? `${finding.area_px} px², no nm` : `⌀ ${short(finding.equivalent_diameter_nm)} nm, ${short(finding.rectangle.length_px * view.nmPerPx)} × ${short(finding.rectangle.width_px * view.nmPerPx)} nm`),
      fact("grade", finding.grade ?? "–"), fact("novelty", short(finding.novelty))) : el("p", { class: "soft" }, "drawn by a person"),
    sayButtons(view.report, onSay, onUndo));
}

export function stateText(label) {
  if (!label?.class) return el("span", { class: "soft" }, "said by the machine alone");
  return el("span", { class: "done" }, `${label.state} by ${label.by}`);
}

export function sayButtons(report, onSay, onUndo, { confirm = true } = {}) {
  const keys = classKeys(report);
  return el("div", { class: "says" },
    Object.entries(keys).map(([name, key]) => el("button", { onclick: () => onSay(name), "data-say": name }, el("kbd", {}, key), words(name))),
    confirm ? el("button", { onclick: () => onSay(null), "data-say": "confirm" }, el("kbd", {}, "Enter"), "confirm") : null,
    el("button", { onclick: onUndo, "data-say": "undo" }, el("kbd", {}, "u"), "undo"));
}

/** Return the class a key means, "" for confirm, null where it means none. */
export function classOfKey(report, key) {
  if (key === "Enter") return "";
  return Object.entries(classKeys(report)).find(([, letter]) => letter === key)?.[0] ?? null;
}

export function needsName() {
  if (operator()) return false;
  tell("notice", "Say who you are first: your name is kept with every label.");
  document.getElementById("operator").focus();
  return true;
}

/** Say what a finding is. Returns the order, or null where nobody said who they are. */
export function say(finding_id, name, { revision = null, blind = false } = {}) {
  if (needsName()) return null;
  const args = { finding_id, class: name };
  if (revision !== null) args.expect_revision = revision;
  if (blind) args.blind = true;
  return order("label.set", args);
}

const said = []; // orders that can be taken back, newest last

export function remember(one, what) {
  if (one) said.push({ ...one, what });
}

/** Take back the last thing said in this window; returns what it was said of. */
export function undo() {
  const last = said.pop();
  if (!last) {
    tell("notice", "There is nothing of yours to take back in this window.");
    return null;
  }
  order("label.undo", {}, { undoOf: last.cmd_id });
  announce("taken back");
  return last.what;
}

/** Bind a side panel to a view: shows the chosen finding, says labels. Returns {refresh, key}. */
export function finderPanel(view, host, { after = null } = {}) {
  const refresh = () => put(host, view.report ? findingBlock(view, { onSay, onUndo: undo }) : "");
  const onSay = (name) => {
    const one = view.outlines().find((other) => other.id === view.chosen);
    if (!one) return;
    const said_ = name || one.class;
    remember(say(one.id, said_, { revision: site.labels.get(one.id)?.revision ?? null }), one.id);
    announce(words(said_));
    after?.();
  };
  const key = (event) => {
    const name = classOfKey(view.report, event.key);
    if (name === null || !view.chosen) return false;
    onSay(name || null);
    return true;
  };
  return { refresh, key };
}
