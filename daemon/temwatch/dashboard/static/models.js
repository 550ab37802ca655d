// Models: the recognizer in use, what was learned since and why it was taken or refused, and how right it was.

import { ask, standingLabels } from "./api.js";
import { needsName, percent } from "./beside.js";
import { changed } from "./changed.js";
import { words } from "./classes.js";
import { confirmed } from "./confirm.js";
import { el, put, svg } from "./dom.js";
import { order } from "./orders.js";
import { on } from "./site.js";
import { wilson } from "./statistics.js";

const ABSENT = "Not available: this daemon does not know the command.";

export function models(main) {
  const parts = { use: panel("In use"), learned: panel("Attempts to learn"), right: panel("How right the machine was"), confusion: panel("What people said (rows) and the machine (columns)"), alike: panel("How far people and machine agree"), changed: panel("What the recognizer in use changed in frames of before") };
  const said = el("p", { role: "status" });
  put(main, el("div", { class: "page" }, el("h1", {}, "Models"), said, el("div", { class: "panels wide" }, el("div", { class: "pile" }, parts.use.box, parts.confusion.box), el("div", { class: "pile" }, parts.right.box, parts.alike.box)), parts.changed.box, parts.learned.box));

  async function fill(part, question, draw) {
    try {
      put(part.body, await question().then(draw));
    } catch (error) {
      put(part.body, el("p", { class: "soft" }, error.code === "unknown_command" ? ABSENT : error.message));
    }
  }

  async function act(cmd, args, what, { means = "", reason = null } = {}) {
    if (needsName()) return;
    const answer = await confirmed(what, { means, reason });
    if (answer === null) return;
    try {
      await order(cmd, reason ? { ...args, reason: answer } : args).done;
      said.textContent = `${what}: done`;
      load();
    } catch (error) {
      said.textContent = error.code === "unknown_command" ? ABSENT : error.message;
    }
  }

  const load = () => Promise.all([
    fill(parts.use, () => ask("model.list"), inUse(act)),
    fill(parts.learned, () => ask("retrain.status", {}), attempts),
    fill(parts.right, () => ask("review.accuracy"), accuracy),
    fill(parts.confusion, standingLabels, confusion),
    fill(parts.alike, () => ask("review.agreement"), agreement),
    fill(parts.changed, () => ask("model.diff", { examples: 3 }), changed),
  ]);
  let timer = null;
  const later = () => { clearTimeout(timer); timer = setTimeout(load, 800); };
  const told = [on("model", later), on("label", later)];
  load();
  return { close: () => { told.forEach((stop) => stop()); clearTimeout(timer); } };
}

function panel(title) {
  const body = el("div", {}, el("p", { class: "soft" }, "asking …"));
  return { body, box: el("section", { class: "panel", tabindex: 0, "aria-label": title }, el("h2", {}, title), body) };
}

const table = (names, rows) => el("table", { class: "list" }, el("thead", {}, el("tr", {}, names.map((name) => (name ? el("th", { scope: "col" }, name) : el("td"))))), el("tbody", {}, rows));
const row = (...cells) => el("tr", {}, cells.map((cell) => el("td", {}, cell)));
const share = (p, low, high) => (p === null ? "–" : `${percent(p)}${low === null ? "" : ` [${Math.round(100 * low)}, ${Math.round(100 * high)}]`}`);
const day = (iso) => (iso ?? "").slice(0, 16).replace("T", " ");

const LATER = "It counts from the next frame on; frames of before are named anew, and both verdicts are kept.";
const STARTER = "the shipped starter: simulated specimens only, not your material";

const inUse = (act) => (found) => {
  const shown = (id) => (id === found.starter ? `${id.slice(0, 12)} (shipped starter)` : id.slice(0, 12));
  return [
    el("div", { class: "big", "data-in-use": found.in_use }, found.in_use.slice(0, 12)),
    el("p", { class: "soft" }, found.in_use === found.starter ? STARTER : "learned here from your labels"),
    found.shadow ? el("p", {}, el("b", {}, "on trial"), `: ${shown(found.shadow.model_id)}, until ${found.shadow.wanted} labels given since it learned compare`) : null,
    found.frozen ? el("p", { "data-frozen": "" }, el("b", {}, "frozen"), `: ${found.frozen}`) : null,
    el("div", { class: "says" }, el("button", { "data-act": "retrain", onclick: () => act("retrain", {}, "Learn from the labels now", { means: "A minute or more beside the inspection; the gate decides whether the result is used." }) }, "learn now"),
      el("button", { "data-act": "rollback", disabled: !found.promotions.length, onclick: () => act("model.rollback", {}, "Go back to the recognizer before", { means: LATER }) }, "roll back"),
      found.frozen ? el("button", { "data-act": "unfreeze", onclick: () => act("model.unfreeze", {}, "Unfreeze", { means: "From now on the gate may put another recognizer into use by itself." }) }, "unfreeze")
        : el("button", { "data-act": "freeze", onclick: () => act("model.freeze", {}, "Freeze this recognizer", { means: "Nothing replaces it until somebody unfreezes it, and every report says so.", reason: "why, for example: series 7" }) }, "freeze")),
    found.models.length ? [el("h2", {}, "All there are"), table(["recognizer", "made", "from", ""], [...found.models.map((one) => el("tr", {}, el("td", {}, one.model_id.slice(0, 12)), el("td", { class: "num" }, day(one.made_at)), el("td", {}, `${one.training.labels ?? "?"} labels`), use(one.model_id))),
      el("tr", {}, el("td", {}, found.starter.slice(0, 12)), el("td", {}, "–"), el("td", {}, "came with temwatch"), use(found.starter))])] : null,
    found.promotions.length ? el("h2", {}, "Promotions") : null,
    found.promotions.slice(0, 8).map((one) => el("p", { class: "soft" }, `${day(one.at)} ${shown(one.model_id)}: ${one.sentence}`)),
  ];

  function use(id) {
    return el("td", {}, id === found.in_use ? "in use" : el("button", { "data-promote": id, disabled: Boolean(found.frozen), title: found.frozen ? "frozen: unfreeze first" : null, onclick: () => act("model.promote", { model_id: id }, `Use ${shown(id)}`, { means: LATER }) }, "promote"));
  }
};

function attempts(found) {
  if (!found.attempts.length) return el("p", { class: "soft" }, "None yet.");
  return table(["attempt", "begun", "labels", "came out", "why", "recall by class, before → after"], found.attempts.map((one) => el("tr", {}, el("td", {}, String(one.attempt)), el("td", { class: "num" }, day(one.begun_at)), el("td", { class: "num" }, String(one.labels)), el("td", {}, one.state), el("td", {}, one.sentence.replace(`${one.state}: `, "")),
    el("td", {}, Object.entries(one.recall ?? {}).map(([name, change]) => `${words(name)} ${change.before} → ${change.after} of ${change.n}`).join(", ")))));
}

function accuracy(found) {
  const rows = (scores) => scores.map((one) => row(words(one.of), `${one.right} of ${one.n}`, share(one.accuracy, one.low, one.high), share(one.recent, one.recent_low, one.recent_high)));
  if (!found.classes.some((one) => one.n)) return el("p", { class: "soft" }, "No label came after a verdict yet.");
  return [table(["what people said", "right", "share, 95 %", "of late"], rows(found.classes)), course(found.course),
    found.blind.some((one) => one.n) ? [el("h2", {}, "On blind samples alone"), table(["what people said", "right", "share, 95 %", "of late"], rows(found.blind))] : null,
    found.alarms.map((alarm) => el("p", {}, `Became worse: noticed ${day(alarm.at)} after ${alarm.n} labels`))];
}

/** The fading accuracy after every label, with its band. */
function course(moments) {
  const all = moments.filter((one) => one.of === "all");
  if (all.length < 2) return null;
  const [wide, high] = [420, 110];
  const x = (i) => 48 + (i / (all.length - 1)) * (wide - 54);
  const y = (p) => 8 + (1 - p) * (high - 24);
  const band = [...all.map((one, i) => `${x(i)},${y(one.high)}`), ...all.map((one, i) => `${x(i)},${y(one.low)}`).reverse()].join(" ");
  return svg("svg", { class: "plot", viewBox: `0 0 ${wide} ${high}`, width: wide, role: "img", "aria-label": "Accuracy over time" }, svg("polygon", { class: "ci", points: band }),
    svg("polyline", { points: all.map((one, i) => `${x(i)},${y(one.recent)}`).join(" "), fill: "none", class: "mean" }),
    [0, 0.5, 1].map((p) => svg("text", { x: 0, y: y(p) + 4 }, percent(p))), svg("text", { x: wide, y: high - 2, "text-anchor": "end" }, `label ${all[0].n} to ${all.at(-1).n}`));
}

/** Rows: what people said; columns: what the machine had said before; at the end its recall with the Wilson interval. */
function confusion(labels) {
  const pairs = labels.filter((label) => label.predicted).map((label) => [label.class, label.predicted.class]);
  if (!pairs.length) return el("p", { class: "soft" }, "Nothing is labelled yet.");
  const names = [...new Set(pairs.flat())].sort();
  const count = (said, called) => pairs.filter(([a, b]) => a === said && b === called).length;
  return [el("table", { class: "matrix" }, el("thead", {}, el("tr", {}, el("td"), names.map((name) => el("th", { scope: "col" }, words(name))), el("th", { scope: "col" }, "recall, 95 %"))),
    el("tbody", {}, names.map((said) => {
      const n = pairs.filter(([a]) => a === said).length;
      const right = count(said, said);
      return el("tr", {}, el("th", { scope: "row" }, words(said)), names.map((called) => el("td", { class: said === called ? "num right" : "num" }, String(count(said, called) || "·"))),
        el("td", { class: "num" }, n ? share(right / n, ...wilson(right, n)) : "–"));
    }))), el("p", { class: "soft" }, "Of labels that stand, most of them given by people who saw the machine's word, and chosen because it was in doubt: not the accuracy on a whole frame.")];
}

function agreement(found) {
  const known = found.agreements.filter((one) => one.n);
  if (!known.length) return el("p", { class: "soft" }, "Nothing was judged blind twice yet.");
  return table(["between", "who", "n", "alike", "kappa, 95 %"], known.map((one) => row(one.between, one.who.join(", "), String(one.n), share(one.agreed, null, null), one.kappa === null ? "–" : `${one.kappa.toFixed(2)}${one.low === null ? "" : ` [${one.low.toFixed(2)}, ${one.high.toFixed(2)}]`}`)));
}
