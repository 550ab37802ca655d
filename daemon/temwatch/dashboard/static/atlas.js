// Atlas: what people have labelled, as a gallery by class; who said it, and a way back to the frame.

import { standingLabels } from "./api.js";
import { words } from "./classes.js";
import { cut } from "./crop.js";
import { el, put } from "./dom.js";
import { on } from "./site.js";
import { swatch } from "./view.js";

const MOST = 400;
const CROP = 132;

export function atlas(main) {
  const wanted = { class: "", by: "" };
  const gallery = el("div", { class: "gallery" });
  const filters = el("div", { class: "filters" });
  const note = el("p", { class: "soft", role: "status" }, "asking for the labels …");
  put(main, el("div", { class: "page" }, el("h1", {}, "Atlas"), filters, note, gallery));
  let labels = [];
  // A crop is cut when it comes into sight, and not before.
  const seen = new IntersectionObserver((entries) => entries.filter((one) => one.isIntersecting).forEach(({ target }) => {
    seen.unobserve(target);
    cut(target, target.label).catch(() => {});
  }), { root: main, rootMargin: "200px" });

  async function load() {
    try {
      labels = await standingLabels();
      draw();
    } catch (error) {
      note.textContent = error.code === "unknown_command" ? "This daemon keeps no labels: not available." : error.message;
    }
  }

  function draw() {
    const names = [...new Set(labels.map((label) => label.class))].sort();
    const people = [...new Set(labels.map((label) => label.by))].sort();
    const pick = (key, text, values, shown) => el("label", {}, `${text} `, el("select", { onchange: (event) => { wanted[key] = event.target.value; draw(); } }, el("option", { value: "" }, "all"), values.map((value) => el("option", { value, selected: value === wanted[key] }, shown(value)))));
    put(filters, pick("class", "class", names, (name) => `${words(name)} (${labels.filter((label) => label.class === name).length})`), pick("by", "said by", people, (name) => name));
    const fitting = labels.filter((label) => (!wanted.class || label.class === wanted.class) && (!wanted.by || label.by === wanted.by));
    note.textContent = labels.length ? `${fitting.length} of ${labels.length} labelled objects${fitting.length > MOST ? `; the newest ${MOST} are shown` : ""}` : "Nothing is labelled yet. Review offers what is most worth it.";
    put(gallery, fitting.slice(0, MOST).map((label) => {
      const crop = el("canvas", { width: CROP * 2, height: CROP * 2, role: "img", "aria-label": `${words(label.class)} in ${label.path}` });
      crop.label = label;
      seen.observe(crop);
      return el("a", { href: `#/frame/${label.frame_id}/${label.finding_id}` }, crop, swatch(label.class), words(label.class), el("div", { class: "soft" }, `${label.state} by ${label.by}`));
    }));
  }

  let timer = null;
  const told = on("label", () => { clearTimeout(timer); timer = setTimeout(load, 500); });
  load();
  return { close: () => { told(); clearTimeout(timer); seen.disconnect(); } };
}
