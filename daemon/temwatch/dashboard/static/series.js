// A measure of a class against time, frame by frame: every object, the frames' means, and their line with its slope.

import { words } from "./classes.js";
import { el, svg } from "./dom.js";
import { short, ticksOf } from "./geometry.js";
import { bootstrapSlope, line, quantile } from "./statistics.js";
import { swatch } from "./view.js";

const WIDE = 900;
const HIGH = 300;
const SPANS = [["day", 86_400_000], ["hour", 3_600_000], ["minute", 60_000]]; // the longest that fits twice

/** Return the frames in order of time, {report, time, values, mean}; `time` in ms where every frame says it, else null. Pure. */
export function framesOf(rows) {
  const groups = [...Map.groupBy(rows, ({ report }) => report.frame_id).values()].reverse(); // rows come newest first
  const frames = groups.map((group) => {
    const values = group.map(({ value }) => value).sort((a, b) => a - b);
    return { report: group[0].report, time: Date.parse(group[0].report.acquired_at ?? ""), values, mean: values.reduce((sum, value) => sum + value, 0) / values.length };
  });
  const timed = frames.every(({ time }) => !Number.isNaN(time)) && new Set(frames.map(({ time }) => time)).size > 1;
  return timed ? frames.sort((a, b) => a.time - b.time) : frames.map((frame) => ({ ...frame, time: null }));
}

export function seriesRows(rows, measure) {
  return [["frame_id", "path", "acquired_at", "n", `mean_${measure}_nm`, `median_${measure}_nm`, "smallest_nm", "largest_nm"],
    ...framesOf(rows).map(({ report, values, mean }) => [report.frame_id, report.path, report.acquired_at, values.length, mean, quantile(values, 0.5), values[0], values.at(-1)])];
}

export function series(rows, name, measure) {
  const frames = framesOf(rows);
  const timed = frames[0].time !== null;
  const [unit, ms] = timed ? (SPANS.find(([, one]) => frames.at(-1).time - frames[0].time >= 2 * one) ?? SPANS.at(-1)) : ["frame", 1];
  const x = ({ time }, i) => (timed ? (time - frames[0].time) / ms : i);
  const points = frames.map((frame, i) => [x(frame, i), frame.mean]);
  const fit = line(points);
  const interval = fit && bootstrapSlope(points);
  const said = fit ? `${signed(fit.slope)} nm ${unit === "hour" ? "an" : "a"} ${unit}${interval ? ` [${signed(interval[0])}, ${signed(interval[1])}]` : ", interval needs 5 frames"}` : "needs two frames at different times";
  const tells = interval && (interval[0] > 0 || interval[1] < 0) ? `It ${fit.slope > 0 ? "rises" : "falls"} by more than chance makes of it, where all frames show the same object or place.` : interval ? "No change can be told from chance." : "";
  return [el("h2", {}, swatch(name), `${words(name)}: ${measure.name} against ${timed ? "time" : "the order of frames"}`), drawing(frames, points, fit, `${measure.name}, nm`, timed),
    el("p", { "data-slope": "" }, "slope ", el("b", { class: "num" }, said), ". ", tells),
    el("p", { class: "soft" }, `Dots are objects, rings the means of the ${frames.length} frames. The line goes through the means; its interval (95 %) is a bootstrap over frames.${timed ? "" : " Not every frame says when it was taken."}`)];
}

const signed = (value) => `${value < 0 ? "−" : "+"}${short(Math.abs(value))}`;

function drawing(frames, points, fit, title, timed) {
  const [left, bottom, top] = [54, HIGH - 28, 22];
  const most = Math.max(...frames.map(({ values }) => values.at(-1))) * 1.05;
  const end = points.at(-1)[0] || 1;
  const x = (value) => left + 12 + (value / end) * (WIDE - left - 36);
  const y = (value) => bottom - (Math.max(0, value) / most) * (bottom - top);
  const ticks = ticksOf(0, most, 4);
  return svg("svg", { class: "plot", viewBox: `0 0 ${WIDE} ${HIGH}`, width: "100%", role: "group", "aria-label": `${title} of ${frames.length} frames` },
    ticks.map((value) => [svg("line", { class: "axis", x1: left, x2: WIDE - 12, y1: y(value), y2: y(value) }), svg("text", { x: left - 8, y: y(value) + 4, "text-anchor": "end" }, short(value))]),
    frames.map(({ values }, i) => values.map((value) => svg("circle", { class: "dot", cx: x(points[i][0]), cy: y(value), r: 2.5 }))),
    fit ? svg("line", { class: "mean", x1: x(points[0][0]), x2: x(end), y1: y(fit.at(points[0][0])), y2: y(fit.at(end)) }) : null,
    frames.map(({ report, values, mean }, i) => svg("a", { href: `#/frame/${report.frame_id}`, "aria-label": `${report.path}: mean ${short(mean)} nm of ${values.length}` }, svg("circle", { class: "ring", cx: x(points[i][0]), cy: y(mean), r: 5 }, svg("title", {}, `${report.path}: mean ${short(mean)} nm of ${values.length}`)))),
    svg("text", { x: x(points[0][0]), y: bottom + 18 }, timed ? moment(frames[0].time) : "first frame"), svg("text", { x: WIDE - 12, y: bottom + 18, "text-anchor": "end" }, timed ? moment(frames.at(-1).time) : "newest frame"),
    svg("text", { x: 0, y: 10 }, title));
}

const moment = (time) => new Date(time).toISOString().slice(0, 16).replace("T", " ");
