// The keys, on one card.

import { el, put } from "./dom.js";
import { DEFAULT_CLASSES, keysOf, words } from "./classes.js";

export function keysHelp(dialog) {
  const rows = [
    ...Object.entries(keysOf(DEFAULT_CLASSES)).map(([name, key]) => [key, name === "artefact" ? "artefact: nothing is there" : words(name)]),
    ["Enter", "confirm what the machine says"], ["u", "take the last one back"], ["← →", "choose a finding"],
    ["n b", "newer, older frame"], ["Space", "hold Live, go on"], ["h", "hide the outlines"], ["+ − 0 1", "zoom, whole frame, 1:1"],
    ["m", "measure"], ["d", "draw a missed one"], ["?", "this card"], ["Esc", "leave it"],
  ];
  put(dialog, el("h1", {}, "Keys"), el("dl", {}, rows.map(([key, what]) => [el("dt", {}, el("kbd", {}, key)), el("dd", {}, what)])),
    el("form", { method: "dialog" }, el("button", {}, "close")));
  dialog.showModal();
}
