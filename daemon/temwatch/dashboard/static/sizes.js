// Sizes and series: how large the objects of a class are over many frames, and how that goes with time; with intervals and CSV.

import { frame } from "./api.js";
import { words } from "./classes.js";
import { csv, download, el, put, svg } from "./dom.js";
import { short, ticksOf } from "./geometry.js";
import { inspected, on, site } from "./site.js";
import { series, seriesRows } from "./series.js";
import { bootstrapMean, histogramOf, quantile } from "./statistics.js";
import { swatch } from "./view.js";

// In nm, of a finding in a frame of so many nm per pixel. What has an edge of the frame in it counts only where `cut` may.
export const MEASURES = {
  diameter: { name: "equivalent diameter", cut: false, of: (finding) => finding.equivalent_diameter_nm },
  width: { name: "mean width", cut: true, of: ({ area_px, rectangle }, nm) => (area_px / rectangle.length_px) * nm, note: "Mean width is area over the length of the rectangle: a bent crack comes out wider than it is." },
  length: { name: "length", cut: false, of: ({ rectangle }, nm) => rectangle.length_px * nm },
};
const FRAMES = [20, 50, 100, 300];
const WIDE = 900;
const HIGH = 330;

export function sizes(main) {
  const wanted = { class: "particle", measure: "diameter", root: "", frames: 50 };
  const plot = el("div", { class: "panel", "data-plot": "sizes" });
  const course = el("div", { class: "panel", "data-plot": "series" });
  const filters = el("div", { class: "filters" });
  put(main, el("div", { class: "page" }, el("h1", {}, "Sizes and series"), filters, plot, course));
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
    const measure = MEASURES[wanted.measure];
    const all = reports.flatMap((report) => report.findings.map((finding) => ({ report, finding, said: site.labels.get(finding.finding_id)?.class ?? null })))
      .filter(({ finding, said }) => (said ?? finding.class) === wanted.class);
    rows = all.filter(({ report, finding }) => report.calibration.nm_per_px !== null && (measure.cut || !finding.touches_edge))
      .map((row) => ({ ...row, value: measure.of(row.finding, row.report.calibration.nm_per_px) }));
    main.dataset.drawn = `${wanted.class} ${wanted.measure}`;
    put(plot, rows.length ? picture(rows, wanted.class, measure) : nothing(reports, all));
    put(course, rows.length ? series(rows, wanted.class, measure) : []);
    course.hidden = !rows.length;
  }

  function nothing(reports, all) {
    if (!reports.length) return el("p", {}, "No frame has been inspected yet. Sizes appear here with the first ones.");
    return el("p", {}, `No ${words(wanted.class)} of known size in ${reports.length === 1 ? "this one frame" : `these ${reports.length} frames`}${all.length ? `; ${all.length} without calibration or cut by the frame's edge` : ""}.`);
  }

  function fill(reports) {
    if (filters.children.length) return;
    const names = [...new Set(reports.flatMap((report) => report.findings.flatMap((finding) => Object.keys(finding.probability))))].sort();
    if (!names.length) return;
    const pick = (label, key, values, text = (value) => value) => el("label", {}, `${label} `, el("select", { "data-key": key, onchange: (event) => { choose(key, event.target.value); } },
      values.map((value) => el("option", { value, selected: String(value) === String(wanted[key]) }, text(value)))));
    put(filters, pick("class", "class", names, words), pick("measure", "measure", Object.keys(MEASURES), (key) => MEASURES[key].name), pick("folder", "root", ["", ...new Set(inspected().map((card) => card.root))], (value) => value || "all"), pick("newest frames", "frames", FRAMES, String), el("button", { "data-csv": "sizes", onclick: save }, "CSV of objects"), el("button", { "data-csv": "series", onclick: saveSeries }, "CSV of frames"));
  }

  function choose(key, value) {
    wanted[key] = key === "frames" ? Number(value) : value;
    // Of a crack the width tells more than the diameter of a disk of its area; whoever wants that one chooses it after.
    if (key === "class") wanted.measure = value === "crack" ? "width" : "diameter";
    for (const select of filters.querySelectorAll("select")) if (select.dataset.key === "measure") select.value = wanted.measure;
    draw();
  }

  function save() {
    download(`sizes-${wanted.class}.csv`, csv([["frame_id", "root", "path", "finding_id", "class", "said_by_a_person", "equivalent_diameter_nm", "area_nm2", "length_px", "width_px", "nm_per_px", `${wanted.measure}_nm`],
      ...rows.map(({ report, finding, said, value }) => [report.frame_id, report.root, report.path, finding.finding_id, finding.class, said, finding.equivalent_diameter_nm, finding.area_nm2, finding.rectangle.length_px, finding.rectangle.width_px, report.calibration.nm_per_px, value])]));
  }

  function saveSeries() {
    download(`series-${wanted.class}-${wanted.measure}.csv`, csv(seriesRows(rows, wanted.measure)));
  }

  let timer = null;
  const told = on("cards", () => { clearTimeout(timer); timer = setTimeout(draw, 1500); });
  draw();
  return { close: () => { told(); clearTimeout(timer); turn++; } };
}

function picture(rows, name, measure) {
  const values = rows.map(({ value }) => value).sort((a, b) => a - b);
  const groups = Map.groupBy(rows, ({ report }) => report.frame_id);
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
  const interval = bootstrapMean([...groups.values()].map((group) => group.map(({ value }) => value)));
  const facts = [["n", String(values.length)], ["frames", String(groups.size)], ["mean", `${short(mean)} nm`], ["95 % interval", interval ? `${short(interval[0])} to ${short(interval[1])} nm` : "needs 3 frames"],
    ["P10", `${short(quantile(values, 0.1))} nm`], ["median", `${short(quantile(values, 0.5))} nm`], ["P90", `${short(quantile(values, 0.9))} nm`]];
  return [el("h2", {}, swatch(name), `${words(name)}: ${measure.name}`), chart(values, mean, interval, measure.name),
    el("table", { class: "list" }, el("thead", {}, el("tr", {}, facts.map(([title]) => el("th", { scope: "col", class: "num" }, title)))), el("tbody", {}, el("tr", {}, facts.map(([, value]) => el("td", { class: "num" }, value))))),
    el("p", { class: "soft" }, `${measure.cut ? "Objects cut by the frame's edge count too." : "Objects that touch the frame's edge are left out."} The interval is a bootstrap over frames, since objects of one frame are not independent; labels count before the machine's word. ${measure.note ?? ""}`)];
}

function chart(values, mean, interval, name) {
  const { edges, counts } = histogramOf(values);
  const [left, bottom, top] = [46, HIGH - 40, 22];
  const most = Math.max(...counts);
  const x = (value) => left + ((value - edges[0]) / (edges.at(-1) - edges[0])) * (WIDE - left - 12);
  const y = (count) => bottom - (count / most) * (bottom - top);
  return svg("svg", { class: "plot", viewBox: `0 0 ${WIDE} ${HIGH}`, width: "100%", role: "img", "aria-label": `Histogram of ${values.length} values of ${name}, mean ${short(mean)} nm` },
    svg("g", { class: "bars" }, counts.map((count, i) => svg("rect", { x: x(edges[i]) + 1, y: y(count), width: Math.max(1, x(edges[i + 1]) - x(edges[i]) - 2), height: bottom - y(count) }, svg("title", {}, `${short(edges[i])} to ${short(edges[i + 1])} nm: ${count}`)))),
    interval ? svg("rect", { class: "ci", x: x(interval[0]), y: top, width: Math.max(1, x(interval[1]) - x(interval[0])), height: bottom - top }) : null,
    svg("line", { class: "mean", x1: x(mean), x2: x(mean), y1: top, y2: bottom }),
    svg("line", { class: "axis", x1: left, x2: WIDE - 12, y1: bottom, y2: bottom }),
    ticksOf(edges[0], edges.at(-1), 8).map((value) => svg("text", { x: x(value), y: bottom + 18, "text-anchor": "middle" }, short(value))),
    svg("text", { x: WIDE - 12, y: HIGH - 4, "text-anchor": "end" }, `${name}, nm`),
    ticksOf(0, most, Math.min(4, most)).map((count) => svg("text", { x: left - 8, y: y(count) + 4, "text-anchor": "end" }, String(count))),
    svg("text", { x: 0, y: 10 }, "objects"));
}
