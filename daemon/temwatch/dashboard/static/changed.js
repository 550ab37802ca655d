// What the recognizer in use made of frames of before: how many went which way, and findings with both their names.

import { percent } from "./beside.js";
import { words } from "./classes.js";
import { cut } from "./crop.js";
import { el } from "./dom.js";
import { swatch } from "./view.js";

const CROP = 232;
const CARDS = 6; // of a group, opened
const ROWS = 100;

export function changed(found) {
  const waits = found.waiting ? `${found.waiting} frames still wait to be named anew.` : "";
  if (!found.changed.length) return el("p", { class: "soft" }, waits || "Nothing: it names every earlier frame as before.");
  return [waits ? el("p", {}, waits) : null,
    found.groups.map((group, i) => section(group, found.examples.filter((one) => one.before === group.before && one.after === group.after).sort((a, b) => b.contradicts - a.contradicts), i === 0)),
    el("details", {}, el("summary", {}, `all ${found.changed.length} frames as a list`), list(found.changed.slice(0, ROWS)))];
}

function section(group, examples, open) {
  const went = group.before === group.after ? [mark(group.before), " as before, other names"] : [mark(group.before), " → ", mark(group.after)];
  const against = group.contradicts ? el("b", { class: "against" }, `, ${group.contradicts} against labels`) : "";
  return el("details", { class: "group", open, "data-group": `${group.before} ${group.after}` },
    el("summary", {}, went, `: ${group.frames} ${group.frames === 1 ? "frame" : "frames"}, ${group.renamed} renamed`, against),
    el("div", { class: "pairs" }, examples.slice(0, CARDS).map(card)));
}

const mark = (word) => el("span", { class: "verdict small", "data-word": word }, word);

/** One finding twice, under its old name and under its new one. */
function card(one) {
  const address = one.finding_id ? `#/frame/${one.frame_id}/${one.finding_id}` : `#/frame/${one.frame_id}`;
  if (!one.finding_id) return el("div", { class: "pair" }, el("a", { href: address }, one.path), el("p", { class: "soft" }, "The names stayed; how sure they are changed, and so the verdict."));
  return el("div", { class: one.contradicts ? "pair against" : "pair" }, el("a", { class: "two", href: address },
    half(one, "before", one.was, one.was_probability), half(one, "now", one.now, one.now_probability)),
    el("p", { class: "path" }, el("a", { href: address }, one.path)), el("p", {}, judged(one)));
}

function half(one, when, name, share) {
  const crop = el("canvas", { width: CROP, height: CROP, role: "img", "aria-label": `${when}: ${words(name)}` });
  cut(crop, { frame_id: one.frame_id, rectangle: one.rectangle, class: name }).catch(() => {});
  return el("span", { class: "half" }, el("span", { class: "soft" }, when), crop, el("span", {}, swatch(name), `${words(name)} `, el("span", { class: "num soft" }, percent(share))));
}

function judged({ said, now, contradicts }) {
  if (said === null) return el("span", { class: "soft" }, "nobody has labelled it");
  if (contradicts) return el("b", { class: "against" }, `against its label: ${words(said)}`);
  return said === now ? el("span", { class: "done" }, `as its label says: ${words(said)}`) : `its label says ${words(said)}`;
}

function list(frames) {
  return el("table", { class: "list" }, el("thead", {}, el("tr", {}, ["frame", "folder", "before", "now", "renamed", "against labels"].map((name) => el("th", { scope: "col" }, name)))),
    el("tbody", {}, frames.map((one) => el("tr", {}, el("td", { class: "path" }, el("a", { href: `#/frame/${one.frame_id}` }, one.path)), el("td", {}, one.root), el("td", {}, mark(one.before)), el("td", {}, mark(one.after)),
      el("td", { class: "num" }, String(one.renamed)), el("td", { class: "num" }, String(one.contradicts))))));
}
