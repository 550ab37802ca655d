// An object the machine missed: drawn by hand, then named.

import { announce, needsName, remember } from "./beside.js";
import { classOfKey } from "./beside.js";
import { words } from "./classes.js";
import { el, put } from "./dom.js";
import { order } from "./orders.js";
import { classKeys, swatch } from "./view.js";

export function drawInto(view, rectangle, host) {
  const done = () => {
    put(host);
    view.use("draw");
    document.removeEventListener("keydown", key, true);
  };
  const add = (name) => {
    if (needsName()) return;
    const one = order("label.add", { frame_id: view.report.frame_id, rectangle, class: name });
    remember(one, null);
    announce(`${words(name)} drawn`);
    done();
  };
  const key = (event) => {
    if (event.target.matches?.("input")) return;
    const name = event.key === "Escape" ? "" : classOfKey(view.report, event.key);
    if (name === null) return;
    event.preventDefault();
    event.stopImmediatePropagation();
    if (name) add(name);
    else done();
  };
  document.addEventListener("keydown", key, true);
  put(host, el("section", { class: "one" }, el("h2", {}, "What is it?"),
    el("div", { class: "says" }, Object.entries(classKeys(view.report)).filter(([name]) => name !== "artefact").map(([name, letter]) =>
      el("button", { onclick: () => add(name) }, el("kbd", {}, letter), swatch(name), words(name))),
      el("button", { onclick: done }, el("kbd", {}, "Esc"), "leave it"))));
}
