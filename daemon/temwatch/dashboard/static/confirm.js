// Asking once more before something that everybody feels. Escape means no; the keys of the screen rest meanwhile.

import { el } from "./dom.js";

/** Ask. Returns null for no; for yes the reason given, or "" where none was asked for (`reason` is its placeholder). */
export function confirmed(what, { means = "", reason = null } = {}) {
  return new Promise((resolve) => {
    const why = reason ? el("input", { required: true, maxlength: 200, placeholder: reason, "aria-label": "Why", size: 40 }) : null;
    const form = el("form", { method: "dialog" }, el("h1", {}, `${what}?`), means ? el("p", {}, means) : null, why ? el("p", {}, why) : null,
      el("div", { class: "says" }, el("button", { value: "yes", "data-confirm": "yes" }, "yes"), el("button", { type: "button", "data-confirm": "no", onclick: () => box.close("") }, "no")));
    const box = el("dialog", { class: "confirm", "aria-label": what }, form);
    box.addEventListener("close", () => {
      box.remove();
      resolve(box.returnValue === "yes" ? (why?.value.trim() ?? "") : null);
    });
    document.body.append(box);
    box.showModal();
  });
}
