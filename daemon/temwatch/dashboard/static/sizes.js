// Sizes: how large the objects of a class are over many frames, with n, mean and its interval, and the numbers as CSV.

import { frame } from "./api.js";
import { words } from "./classes.js";
import { csv, download, el, put, svg } from "./dom.js";
import { short } from "./geometry.js";
import { inspected, on, site } from "./site.js";
import { bootstrapMean, histogramOf, quantile } from "./statistics.js";
import { swatch } from "./view.js";

const FRAMES = [20, 50, 100, 300];
const WIDE = 900;
const HIGH = 330;

export function sizes(main) {
  const wanted = { class: "particle", root: "", frames: 50, labelled: false };
  const plot = el("div", { class: "panel" });
  const filters = el("div", { class: "filters" });
  put(main, el("div", { class: "page" }, el("h1", {}, "Sizes"), filters, plot));
  let rows = [];
  let turn = 0;

  async function draw() {
    const mine = ++turn;
    const cards = inspected().filter((card) => !wanted.root || card.root === wanted.root).slice(0, wanted.frames);
    const reports = [];
    for (const card of cards) {
      const got = await frame(card.frame_id).catch(() => null);
      if (mine !== turn) return;
      if (got?.report) reports.push(got.report);
    }
    fill(reports);
    rows = reports.flatMap((report) => report.findings.map((finding) => ({ report, finding, said: site.labels.get(finding.finding_id)?.class ?? null })))
      .filter(({ finding, said }) => (said ?? finding.class) === wanted.class && !finding.touches_edge);
    const sized = rows.filter(({ finding }) => finding.equivalent_diameter_nm !== null);
    put(plot, sized.length ? picture(sized, wanted.class) : el("p", {}, `No ${words(wanted.class)} of known size in these ${reports.length} frames${rows.length ? ` (${rows.length} without calibration)` : ""}.`));
  }

  function fill(reports) {
    if (filters.children.length) return;
    const names = [...new Set(reports.flatMap((report) => report.findings.flatMap((finding) => Object.keys(finding.probability))))].sort();
    if (!names.length) return;
    const pick = (label, key, values, text = (value) => value) => el("label", {}, `${label} `, el("select", { onchange: (event) => { wanted[key] = key === "frames" ? Number(event.target.value) : event.target.value; draw(); } },
      values.map((value) => el("option", { value, selected: String(value) === String(wanted[key]) }, text(value)))));
    put(filters, pick("class", "class", names, words), pick("folder", "root", ["", ...new Set(inspected().map((card) => card.root))], (value) => value || "all"), pick("newest frames", "frames", FRAMES, String), el("button", { onclick: save }, "CSV"));
  }

  function save() {
    download(`sizes-${wanted.class}.csv`, csv([["frame_id", "root", "path", "finding_id", "class", "said_by_a_person", "equivalent_diameter_nm", "area_nm2", "length_px", "width_px", "nm_per_px"],
      ...rows.map(({ report, finding, said }) => [report.frame_id, report.root, report.path, finding.finding_id, finding.class, said, finding.equivalent_diameter_nm, finding.area_nm2, finding.rectangle.length_px, finding.rectangle.width_px, report.calibration.nm_per_px])]));
  }

  let timer = null;
  const told = on("cards", () => { clearTimeout(timer); timer = setTimeout(draw, 1500); });
  draw();
  return { close: () => { told(); clearTimeout(timer); turn++; } };
}

function picture(rows, name) {
  const values = rows.map(({ finding }) => finding.equivalent_diameter_nm).sort((a, b) => a - b);
  const groups = Map.groupBy(rows, ({ report }) => report.frame_id);
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
  const interval = bootstrapMean([...groups.values()].map((group) => group.map(({ finding }) => finding.equivalent_diameter_nm)));
  const facts = [["n", String(values.length)], ["frames", String(groups.size)], ["mean", `${short(mean)} nm`], ["95 % interval", interval ? `${short(interval[0])} to ${short(interval[1])} nm` : "needs 3 frames"],
    ["P10", `${short(quantile(values, 0.1))} nm`], ["median", `${short(quantile(values, 0.5))} nm`], ["P90", `${short(quantile(values, 0.9))} nm`]];
  return [el("h2", {}, swatch(name), `${words(name)}: equivalent diameter`), chart(values, mean, interval),
    el("table", { class: "list" }, el("thead", {}, el("tr", {}, facts.map(([title]) => el("th", { scope: "col", class: "num" }, title)))), el("tbody", {}, el("tr", {}, facts.map(([, value]) => el("td", { class: "num" }, value))))),
    el("p", { class: "soft" }, "Objects that touch the frame's edge are left out. The interval is a bootstrap over frames, since objects of one frame are not independent; labels count before the machine's word.")];
}

function chart(values, mean, interval) {
  const { edges, counts } = histogramOf(values);
  const [left, bottom, top] = [46, HIGH - 40, 14];
  const most = Math.max(...counts);
  const x = (value) => left + ((value - edges[0]) / (edges.at(-1) - edges[0])) * (WIDE - left - 12);
  const y = (count) => bottom - (count / most) * (bottom - top);
  const step = Math.max(1, Math.ceil(most / 4));
  return svg("svg", { class: "plot", viewBox: `0 0 ${WIDE} ${HIGH}`, width: "100%", role: "img", "aria-label": `Histogram of ${values.length} diameters, mean ${short(mean)} nm` },
    svg("g", { class: "bars" }, counts.map((count, i) => svg("rect", { x: x(edges[i]) + 1, y: y(count), width: Math.max(1, x(edges[i + 1]) - x(edges[i]) - 2), height: bottom - y(count) }, svg("title", {}, `${short(edges[i])} to ${short(edges[i + 1])} nm: ${count}`)))),
    interval ? svg("rect", { class: "ci", x: x(interval[0]), y: top, width: Math.max(1, x(interval[1]) - x(interval[0])), height: bottom - top }) : null,
    svg("line", { class: "mean", x1: x(mean), x2: x(mean), y1: top, y2: bottom }),
    svg("line", { class: "axis", x1: left, x2: WIDE - 12, y1: bottom, y2: bottom }),
    edges.filter((_, i) => i % Math.ceil(edges.length / 10) === 0).map((edge) => svg("text", { x: x(edge), y: bottom + 18, "text-anchor": "middle" }, short(edge))),
    svg("text", { x: WIDE - 12, y: HIGH - 4, "text-anchor": "end" }, "equivalent diameter, nm"),
    Array.from({ length: Math.floor(most / step) + 1 }, (_, i) => svg("text", { x: left - 8, y: y(i * step) + 4, "text-anchor": "end" }, String(i * step))));
}
