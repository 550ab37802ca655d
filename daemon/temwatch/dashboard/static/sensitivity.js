// The finder's one knob: fewer false finds, or fewer missed ones, from the next frame on.

import { announce, needsName } from "./beside.js";
import { el } from "./dom.js";
import { order } from "./orders.js";

/** Return the panel, and what to call with every status. */
export function sensitivityPanel() {
  const slider = el("input", { type: "range", min: 0, max: 1, step: 0.05, "aria-label": "sensitivity of the finder", "data-sensitivity": "", oninput: () => { touched = true; draw(); } });
  const value = el("output", {});
  const by = el("p", { class: "soft" });
  const apply = el("button", { "data-sensitivity-apply": "", onclick: () => send(Number(slider.value)) }, "use for new frames");
  const back = el("button", { onclick: () => send(null) }, "as configured");
  let status = null;
  let touched = false; // moved, and not sent yet: the daemon's word does not move it back

  function draw() {
    if (!status) return;
    if (!touched) slider.value = status.sensitivity;
    value.textContent = Number(slider.value).toFixed(2);
    by.textContent = `in use: ${status.sensitivity.toFixed(2)}, ${status.sensitivity_by ? `set by ${status.sensitivity_by}` : "as configured"}; every report says it`;
    apply.disabled = Number(slider.value) === status.sensitivity;
    back.disabled = !status.sensitivity_by;
  }

  async function send(wanted) {
    if (needsName()) return;
    touched = false;
    try {
      await order("finder.sensitivity", { value: wanted }).done;
      announce(wanted === null ? "sensitivity as configured, from the next frame on" : `sensitivity ${wanted.toFixed(2)}, from the next frame on`);
    } catch (error) {
      announce(error.message);
    }
  }

  const box = el("section", { class: "panel" }, el("h2", {}, "Sensitivity of the finder"),
    el("p", {}, el("label", { class: "knob" }, "few false finds ", slider, " few missed ones "), value), by, el("p", {}, apply, " ", back));
  return { box, update: (said) => { status = said; draw(); } };
}
