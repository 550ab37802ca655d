// A frame as people look at it: the picture with its contrast, outlines over it, a scale bar, a cursor, a ruler.
// It shows the preview (at most 1024 px long) at any zoom; positions and lengths are those of the full frame.

import { el, put, svg } from "./dom.js";
import { keysOf, styleOf, words } from "./classes.js";
import { along, corners, greyTable, lengthInWords, points, roundLength, short } from "./geometry.js";
import { contours } from "./api.js";
import { Closer, windowOf } from "./closer.js";
import { site } from "./site.js";

const MOST_ZOOM = 40; // screen px a frame px
const NEAR = 1; // from this zoom on the findings' own outlines are drawn besides their rectangles
export const EXTRA = "extra"; // stands for the rectangle without a class

export class FrameView {
  /** @param {{choose?: (id) => void, draw?: (rectangle) => void, tools?: boolean}} told */
  constructor(told = {}) {
    this.told = told;
    this.report = null;
    this.image = null;
    this.drawn = []; // labels of objects that people drew
    this.chosen = null;
    this.only = null; // show this finding alone
    this.closer = new Closer(() => {
      this.developNear();
      this.draw();
    });
    this.near = null; // the frame's own pixels of a part, with contrast applied
    this.contours = new Map(); // finding_id -> SVG points, once the frame was looked at closely
    this.contoursOf = null;
    this.extra = null; // a rectangle shown without a class
    this.off = new Set(); // classes not shown
    this.least = 0; // probability below which nothing is shown
    this.hidden = false;
    this.tool = "look";
    this.contrast = { low: 0, high: 100, gamma: 1 };
    this.zoom = null; // null: the whole frame
    this.centre = [0, 0];
    this.pointerOver = null;
    this.canvas = el("canvas");
    this.over = svg("svg", { class: "over", role: "listbox", tabindex: "0", "aria-label": "Findings: arrow keys choose one" });
    this.marks = svg("g");
    this.ruler = svg("g");
    this.over.append(this.marks, this.ruler);
    this.bar = el("div", { class: "scalebar" }, el("span"), el("i"));
    this.readout = el("div", { class: "readout" });
    this.empty = el("div", { class: "empty" }, "no frame yet");
    this.glass = el("div", { class: "glass" }, this.canvas, this.over, this.bar, this.readout, this.empty);
    this.tools = told.tools === false ? null : this.makeTools();
    this.root = el("section", { class: "view", "aria-label": "Frame" }, this.tools, this.glass);
    this.listen();
  }

  /** Show a frame. `keep`: stay at the same place and zoom. */
  show(report, image, { drawn = [], keep = false } = {}) {
    const same = this.report?.frame_id === report?.frame_id;
    this.report = report;
    this.drawn = drawn;
    if (this.image !== image) {
      this.image = image;
      this.read();
    }
    if (!same) {
      this.measured = null;
      this.chosen = null;
      if (!keep) this.zoom = null;
      this.ruler.replaceChildren();
    }
    this.empty.hidden = Boolean(image);
    put(this.empty, report ? "no picture is kept of this frame; its outlines are" : "no frame yet");
    this.fillClasses();
    this.outline();
    this.draw();
  }

  get shape() {
    return this.report?.shape ?? [1, 1];
  }

  get nmPerPx() {
    return this.report?.calibration?.nm_per_px ?? null;
  }

  // --- findings ---

  /** Every outline there is: the machine's findings and what people drew, as {id, class, probability, rectangle, label}. */
  outlines() {
    const found = (this.report?.findings ?? []).map((finding) => {
      const label = site.labels.get(finding.finding_id);
      const said = label?.class ?? finding.class;
      return { id: finding.finding_id, class: said, probability: finding.probability[finding.class], rectangle: finding.rectangle, label, finding };
    });
    const drawn = this.drawn
      .map((label) => site.labels.get(label.finding_id) ?? label)
      .filter((label) => label.class)
      .map((label) => ({ id: label.finding_id, class: label.class, probability: 1, rectangle: label.rectangle, label, finding: null }));
    return [...found, ...drawn];
  }

  shown() {
    const all = this.outlines();
    if (this.only) return all.filter((one) => one.id === this.only);
    return all.filter((one) => !this.off.has(one.class) && one.probability >= this.least);
  }

  outline() {
    const all = this.shown().map((one) => this.mark(one));
    if (this.extra) all.push(this.mark({ id: EXTRA, class: null, probability: 1, rectangle: this.extra }));
    this.marks.replaceChildren(...all);
    this.over.classList.toggle("nofindings", this.hidden);
    this.choose(this.chosen, { quiet: true });
  }

  /** Where a pixel of the preview would be seen as a block, draw the frame's own pixels over it. */
  drawOwnPixels(context, s) {
    const [rows, cols] = this.shape;
    if (cols <= this.image.width || s * (cols / this.image.width) <= 1.2) return;
    const { width, height } = this.size();
    const [left, top] = this.toImage([0, 0]);
    const [right, bottom] = this.toImage([width, height]);
    const edge = (at, end) => Math.min(end, Math.max(0, at + 0.5));
    this.closer.want(this.report.frame_id, windowOf(this.shape, { top: edge(top, rows), left: edge(left, cols), bottom: edge(bottom, rows), right: edge(right, cols) }));
    const { place, frameId } = this.closer;
    if (!place || !this.near || frameId !== this.report.frame_id) return;
    const [x, y] = this.toScreen([place.col - 0.5, place.row - 0.5]);
    context.imageSmoothingEnabled = s < 3;
    context.drawImage(this.near, x, y, place.cols * s, place.rows * s);
    this.root.dataset.ownPixels = `${place.row},${place.col}`;
  }

  /** Seen from near, a finding's own outline is drawn too; it is fetched when a frame is first looked at so closely. */
  async drawNear() {
    const near = this.zoom !== null && this.scale() >= NEAR;
    this.over.classList.toggle("near", near);
    const report = this.report;
    if (!near || !report || this.contoursOf === report) return;
    this.contoursOf = report;
    this.contours.clear();
    const found = await contours(report.frame_id).catch(() => []);
    if (this.contoursOf !== report || found.length !== report.findings.length) return;
    report.findings.forEach((finding, k) => this.contours.set(finding.finding_id, found[k]));
    this.outline();
  }

  mark({ id, class: name, probability, rectangle, label }) {
    const style = styleOf(name);
    const at = points(rectangle);
    const said = label?.class ? `${words(name)}, said by ${label.by}` : `${words(name)}, ${Math.round(probability * 100)} %`;
    return svg(
      "g",
      { class: "finding", role: "option", "aria-label": said, "aria-selected": "false", "data-id": id, "data-class": name ?? "", "data-state": label?.state ?? "predicted" },
      svg("polygon", { class: "halo", points: at }),
      svg("polygon", { class: "line", points: at, stroke: style.colour, "stroke-dasharray": style.dash || "none" }),
      this.contours.has(id) ? svg("polygon", { class: "contour", points: this.contours.get(id), stroke: style.colour }) : null,
    );
  }

  choose(id, { quiet = false } = {}) {
    this.chosen = id;
    this.over.querySelectorAll(".chosen").forEach((old) => old.remove());
    for (const mark of this.marks.children) mark.setAttribute("aria-selected", String(id !== null && mark.dataset.id === id));
    const one = id === EXTRA ? this.extra && { rectangle: this.extra } : id && this.outlines().find((other) => other.id === id);
    if (one) {
      // Outside the outline and without fill, so that it hides neither the class nor the defect.
      const more = 6 / this.scale();
      this.over.append(svg("polygon", { class: "chosen out", points: points(one.rectangle, more) }), svg("polygon", { class: "chosen", points: points(one.rectangle, more) }));
    }
    if (!quiet) this.told.choose?.(id);
  }

  /** Choose the next finding in reading order, or the one before. */
  step(by) {
    const all = this.shown();
    if (!all.length) return;
    const now = all.findIndex((one) => one.id === this.chosen);
    const next = all[(now + by + all.length) % all.length] ?? all[0];
    this.choose(now < 0 ? all[by > 0 ? 0 : all.length - 1].id : next.id);
    this.reveal(next.rectangle);
  }

  /** Bring a rectangle into sight if it is not. */
  reveal({ row, col }) {
    if (this.zoom === null) return;
    const [x, y] = this.toScreen([col, row]);
    const { width, height } = this.size();
    if (x < 20 || y < 20 || x > width - 20 || y > height - 20) {
      this.centre = [col, row];
      this.draw();
    }
  }

  /** Zoom so that a rectangle fills a good part of the view. */
  closeUp({ row, col, length_px }, share = 0.3) {
    const { width, height } = this.size();
    this.centre = [col, row];
    this.zoom = Math.min(MOST_ZOOM, Math.max(this.fitScale(), (share * Math.min(width, height)) / Math.max(length_px, 24)));
    this.draw();
  }

  // --- where things are on the screen ---

  size() {
    return { width: Math.max(this.glass.clientWidth, 1), height: Math.max(this.glass.clientHeight, 1) };
  }

  fitScale() {
    const { width, height } = this.size();
    return Math.min(width / this.shape[1], height / this.shape[0]);
  }

  scale() {
    return this.zoom ?? this.fitScale();
  }

  origin() {
    const [rows, cols] = this.shape;
    const [cx, cy] = this.zoom === null ? [cols / 2 - 0.5, rows / 2 - 0.5] : this.centre;
    const { width, height } = this.size();
    const s = this.scale();
    return [cx - width / 2 / s, cy - height / 2 / s];
  }

  toImage([x, y]) {
    const [ox, oy] = this.origin();
    const s = this.scale();
    return [ox + x / s, oy + y / s];
  }

  toScreen([x, y]) {
    const [ox, oy] = this.origin();
    const s = this.scale();
    return [(x - ox) * s, (y - oy) * s];
  }

  zoomBy(factor, at = null) {
    const { width, height } = this.size();
    // Keys zoom at what is chosen, the wheel at the pointer.
    const one = at ? null : this.outlines().find((other) => other.id === this.chosen);
    if (one && this.zoom === null) this.centre = [one.rectangle.col, one.rectangle.row];
    const point = at ?? (one ? this.toScreen([one.rectangle.col, one.rectangle.row]) : [width / 2, height / 2]);
    const fixed = this.toImage(point);
    const fit = this.fitScale();
    const next = Math.min(MOST_ZOOM, this.scale() * factor);
    if (next <= fit * 1.001) this.zoom = null;
    else {
      this.zoom = next;
      this.centre = [fixed[0] + (width / 2 - point[0]) / next, fixed[1] + (height / 2 - point[1]) / next];
    }
    this.draw();
  }

  zoomTo(scale) {
    this.zoomBy(scale / this.scale());
  }

  // --- the picture ---

  read() {
    this.grey = null;
    if (!this.image) return;
    const { width, height } = this.image;
    const sheet = new OffscreenCanvas(width, height).getContext("2d", { willReadFrequently: true });
    sheet.drawImage(this.image, 0, 0);
    const pixels = sheet.getImageData(0, 0, width, height).data;
    this.grey = new Uint8Array(width * height);
    this.histogram = new Array(256).fill(0);
    for (let i = 0; i < this.grey.length; i++) this.histogram[(this.grey[i] = pixels[4 * i])] += 1;
    this.develop();
  }

  /** Apply contrast to the picture, and to the frame's own pixels where they are at hand: in the same greys. */
  develop() {
    if (!this.grey) return;
    const { low, high, gamma } = this.contrast;
    this.table = low === 0 && high === 100 && gamma === 1 ? null : greyTable(this.histogram, low, high, gamma);
    this.sheet = this.table ? developed(this.image, this.table) : this.image;
    this.developNear();
  }

  developNear() {
    const { image } = this.closer;
    this.near = image && this.table ? developed(image, this.table) : image;
  }

  draw() {
    const { width, height } = this.size();
    const ratio = window.devicePixelRatio || 1;
    if (this.canvas.width !== Math.round(width * ratio) || this.canvas.height !== Math.round(height * ratio)) {
      this.canvas.width = Math.round(width * ratio);
      this.canvas.height = Math.round(height * ratio);
    }
    const s = this.scale();
    const [ox, oy] = this.origin();
    this.over.setAttribute("viewBox", `${ox} ${oy} ${width / s} ${height / s}`);
    const context = this.canvas.getContext("2d");
    context.setTransform(ratio, 0, 0, ratio, 0, 0);
    context.clearRect(0, 0, width, height);
    if (this.grey) {
      const [rows, cols] = this.shape;
      context.imageSmoothingEnabled = s * (cols / this.image.width) < 8;
      const [x, y] = this.toScreen([-0.5, -0.5]);
      context.drawImage(this.sheet, x, y, cols * s, rows * s);
      this.drawOwnPixels(context, s);
    }
    this.drawBar(width, s);
    this.drawNear();
    if (this.chosen) this.choose(this.chosen, { quiet: true });
    if (this.zoomText) this.zoomText.textContent = this.report ? `${short(s * 100)} %` : "";
  }

  drawBar(width, s) {
    const nm = this.nmPerPx;
    const most = (width * 0.22) / s; // frame px
    const length = nm === null ? roundLength(most) : roundLength(most * nm) / nm;
    this.bar.hidden = !this.report;
    this.bar.firstChild.textContent = nm === null ? `${short(length)} px (pixel size unknown)` : lengthInWords(length, nm);
    this.bar.lastChild.style.width = `${length * s}px`;
  }

  greyAt([x, y]) {
    const [rows, cols] = this.shape;
    const [col, row] = [Math.round(x), Math.round(y)];
    if (!this.grey || col < 0 || row < 0 || col >= cols || row >= rows) return null;
    const { width, height } = this.image;
    const i = Math.min(height - 1, Math.floor(((row + 0.5) / rows) * height)) * width + Math.min(width - 1, Math.floor(((col + 0.5) / cols) * width));
    return { row, col, grey: this.grey[i] };
  }

  // --- hands ---

  listen() {
    const at = (event) => {
      const box = this.glass.getBoundingClientRect();
      return [event.clientX - box.left, event.clientY - box.top];
    };
    this.over.addEventListener("wheel", (event) => {
      event.preventDefault();
      this.zoomBy(Math.exp(-event.deltaY * 0.0015), at(event));
    }, { passive: false });
    this.over.addEventListener("pointerdown", (event) => this.down(event, at(event)));
    this.over.addEventListener("pointermove", (event) => this.move(event, at(event)));
    this.over.addEventListener("pointerup", (event) => this.up(event, at(event)));
    this.over.addEventListener("pointerleave", () => {
      this.readout.textContent = "";
      this.pointerOver = null;
    });
    this.over.addEventListener("keydown", (event) => {
      const move = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 }[event.key];
      if (!move || event.ctrlKey || event.metaKey || event.altKey) return;
      event.preventDefault();
      event.stopPropagation();
      this.step(move);
    });
    new ResizeObserver(() => this.draw()).observe(this.glass);
  }

  down(event, point) {
    this.over.setPointerCapture(event.pointerId);
    this.from = { point, image: this.toImage(point), centre: [...this.origin()], moved: false };
    if (this.tool === "draw" && this.axis) this.finishDrawing(this.toImage(point));
    else if (this.tool !== "look") this.axis = null;
  }

  move(event, point) {
    const place = this.toImage(point);
    this.showPlace(place);
    this.pointerOver = event.target.closest?.(".finding")?.dataset.id ?? null;
    if (this.tool === "draw" && this.axis) this.sketch(along(...this.axis, this.widthTo(place)));
    if (!this.from) return;
    if (Math.hypot(point[0] - this.from.point[0], point[1] - this.from.point[1]) > 3) this.from.moved = true;
    if (!this.from.moved) return;
    if (this.tool === "look") {
      if (this.zoom === null) return;
      const s = this.scale();
      this.centre[0] += (this.from.point[0] - point[0]) / s;
      this.centre[1] += (this.from.point[1] - point[1]) / s;
      this.from.point = point;
      this.draw();
    } else this.stretch(this.from.image, place);
  }

  up(event, point) {
    const from = this.from;
    this.from = null;
    if (!from) return;
    if (this.tool === "draw" && from.moved) {
      this.axis = [from.image, this.toImage(point)];
      this.told.hint?.("now move away from the line for the width, and click");
    } else if (!from.moved && this.tool === "look") {
      const target = document.elementFromPoint(event.clientX, event.clientY)?.closest(".finding");
      this.choose(target?.dataset.id ?? null);
    }
  }

  showPlace(place) {
    const here = this.greyAt(place);
    if (!here) return void (this.readout.textContent = "");
    const nm = this.nmPerPx;
    const where = nm === null ? "" : `  x ${lengthInWords(here.col, nm)}  y ${lengthInWords(here.row, nm)}`;
    this.readout.textContent = `row ${here.row}  col ${here.col}${where}  grey ${here.grey}${this.measured ? `  ·  ${this.measured}` : ""}`;
  }

  stretch(from, to) {
    const length = Math.hypot(to[0] - from[0], to[1] - from[1]);
    this.measured = this.nmPerPx === null ? `${short(length)} px` : `${lengthInWords(length, this.nmPerPx)} (${short(length)} px)`;
    const line = { x1: from[0], y1: from[1], x2: to[0], y2: to[1] };
    this.ruler.replaceChildren(svg("line", { class: "ruler out", ...line }), svg("line", { class: "ruler", ...line }));
    this.showPlace(to);
  }

  widthTo([x, y]) {
    const [[x0, y0], [x1, y1]] = this.axis;
    const axis = Math.hypot(x1 - x0, y1 - y0) || 1;
    return 2 * Math.abs(((x1 - x0) * (y0 - y) - (x0 - x) * (y1 - y0)) / axis);
  }

  sketch(rectangle) {
    const at = points(rectangle);
    this.ruler.replaceChildren(svg("polygon", { class: "ruler out", points: at }), svg("polygon", { class: "ruler", points: at }));
  }

  finishDrawing(place) {
    const rectangle = along(...this.axis, Math.max(1, this.widthTo(place)));
    this.axis = null;
    this.from = null;
    this.sketch(rectangle);
    this.told.draw?.(rectangle);
  }

  use(tool) {
    this.tool = this.tool === tool ? "look" : tool;
    this.axis = null;
    this.measured = null;
    this.glass.dataset.tool = this.tool;
    this.ruler.replaceChildren();
    this.toolButtons?.forEach((button) => button.setAttribute("aria-pressed", String(button.dataset.tool === this.tool)));
    this.told.hint?.({ measure: "drag to measure", draw: "drag along the long axis of what was missed", look: "" }[this.tool]);
  }

  /** Take a key; true where it meant something here. */
  key(key) {
    const acts = {
      "+": () => this.zoomBy(1.4), "=": () => this.zoomBy(1.4), "-": () => this.zoomBy(1 / 1.4),
      0: () => { this.zoom = null; this.draw(); }, 1: () => this.zoomTo(1),
      h: () => this.hide(!this.hidden), m: () => this.use("measure"), d: () => this.told.draw && this.use("draw"),
      ArrowRight: () => this.step(1), ArrowLeft: () => this.step(-1), ArrowDown: () => this.step(1), ArrowUp: () => this.step(-1),
      Escape: () => (this.tool === "look" ? this.choose(null) : this.use(this.tool)),
    };
    acts[key]?.();
    return key in acts;
  }

  hide(hidden) {
    this.hidden = hidden;
    this.outline();
    this.hideButton?.setAttribute("aria-pressed", String(hidden));
  }

  // --- tools ---

  makeTools() {
    const act = (text, title, done, more = {}) => el("button", { title, onclick: done, ...more }, text);
    const slide = (name, text, min, max, step, value, set) => {
      const input = el("input", { type: "range", min, max, step, value, "aria-label": text, oninput: () => { set(Number(input.value)); } });
      return el("label", { class: "group" }, name, input);
    };
    const light = (key) => (value) => {
      this.contrast[key] = value;
      this.develop();
      this.draw();
    };
    this.zoomText = el("span", { class: "num soft" });
    this.hideButton = act("hide", "hide the outlines (h)", () => this.hide(!this.hidden), { "aria-pressed": "false" });
    this.toolButtons = [act("measure", "drag to measure (m)", () => this.use("measure"), { "data-tool": "measure", "aria-pressed": "false" })];
    if (this.told.draw) this.toolButtons.push(act("draw missed", "draw an object that was missed (d)", () => this.use("draw"), { "data-tool": "draw", "aria-pressed": "false" }));
    this.classBox = el("span", { class: "group" });
    return el(
      "div",
      { class: "tools", role: "toolbar", "aria-label": "Frame tools" },
      el("span", { class: "group" }, act("−", "zoom out (-)", () => this.key("-")), this.zoomText, act("+", "zoom in (+)", () => this.key("+")), act("whole", "whole frame (0)", () => this.key("0")), act("1:1", "one frame pixel a screen pixel (1)", () => this.key("1"))),
      slide("dark", "Percentile shown black", 0, 40, 0.5, 0, light("low")),
      slide("bright", "Percentile shown white", 60, 100, 0.5, 100, light("high")),
      slide("gamma", "Gamma", 0.3, 2.5, 0.05, 1, light("gamma")),
      el("span", { class: "group" }, this.toolButtons, this.hideButton, act("PNG", "picture with outlines and scale bar", () => this.savePng())),
      this.classBox,
      slide("at least", "Least probability shown", 0, 1, 0.05, 0, (value) => { this.least = value; this.outline(); }),
    );
  }

  fillClasses() {
    if (!this.classBox) return;
    const names = classesOf(this.report);
    if (names.join() === this.classNames) return;
    this.classNames = names.join();
    put(this.classBox, names.map((name) => {
      const box = el("input", { type: "checkbox", checked: !this.off.has(name), onchange: () => {
        if (box.checked) this.off.delete(name);
        else this.off.add(name);
        this.outline();
      } });
      return el("label", { class: "group" }, box, swatch(name), words(name));
    }));
  }

  /** Save the whole frame with outlines and scale bar as a PNG. */
  async savePng() {
    const { download } = await import("./dom.js");
    download(`${(this.report?.path ?? "frame").replace(/[^\w.-]+/g, "_")}.png`, await this.png());
  }

  async png() {
    const [rows, cols] = this.shape;
    const s = Math.min(2, 1600 / Math.max(rows, cols));
    const sheet = new OffscreenCanvas(Math.round(cols * s), Math.round(rows * s));
    const context = sheet.getContext("2d");
    if (this.grey) context.drawImage(this.sheet, 0, 0, sheet.width, sheet.height);
    if (!this.hidden) {
      for (const one of this.shown()) {
        const style = styleOf(one.class);
        context.beginPath();
        corners(one.rectangle).forEach(([x, y], i) => context[i ? "lineTo" : "moveTo"]((x + 0.5) * s, (y + 0.5) * s));
        context.closePath();
        context.setLineDash([]);
        Object.assign(context, { strokeStyle: "#000a", lineWidth: 4 });
        context.stroke();
        context.setLineDash(style.dash ? style.dash.split(" ").map(Number) : []);
        Object.assign(context, { strokeStyle: style.colour, lineWidth: 2 });
        context.stroke();
      }
    }
    this.stampBar(context, sheet, s);
    return sheet.convertToBlob({ type: "image/png" });
  }

  stampBar(context, sheet, s) {
    const nm = this.nmPerPx;
    const most = (sheet.width * 0.22) / s;
    const length = nm === null ? roundLength(most) : roundLength(most * nm) / nm;
    const said = nm === null ? `${short(length)} px (pixel size unknown)` : lengthInWords(length, nm);
    context.font = `600 ${Math.max(14, sheet.width / 50)}px sans-serif`;
    const high = sheet.width / 50;
    const wide = Math.max(length * s, context.measureText(said).width) + 2 * high;
    context.fillStyle = "#000b";
    context.fillRect(high, sheet.height - 4.4 * high, wide, 3.4 * high);
    context.fillStyle = "#fff";
    context.fillText(said, 2 * high, sheet.height - 2.9 * high);
    context.fillRect(2 * high, sheet.height - 2.2 * high, length * s, high / 2.5);
  }
}

/** Return the classes a frame's model knows, the usual ones first. */
export function classesOf(report) {
  const known = report?.classes ?? Object.keys(report?.findings?.[0]?.probability ?? {});
  const order = ["pore", "crack", "slag_inclusion", "looseness", "particle", "artefact"];
  const names = known.length ? known : order;
  return [...names].sort((a, b) => (order.indexOf(a) + 1 || 99) - (order.indexOf(b) + 1 || 99));
}

export const classKeys = (report) => keysOf(classesOf(report));

export function swatch(name) {
  const style = styleOf(name);
  return svg("svg", { class: "swatch", width: 22, height: 10, "aria-hidden": "true" },
    svg("line", { x1: 0, x2: 22, y1: 5, y2: 5, stroke: "#000", "stroke-width": 5, "stroke-opacity": 0.45 }),
    svg("line", { x1: 0, x2: 22, y1: 5, y2: 5, stroke: style.colour, "stroke-width": 3, "stroke-dasharray": style.dash || "none" }));
}

/** Return a picture whose greys went through a table. */
function developed(image, table) {
  const { width, height } = image;
  const sheet = new OffscreenCanvas(width, height);
  const context = sheet.getContext("2d", { willReadFrequently: true });
  context.drawImage(image, 0, 0);
  const made = context.getImageData(0, 0, width, height);
  for (let i = 0; i < made.data.length; i += 4) made.data[i] = made.data[i + 1] = made.data[i + 2] = table[made.data[i]];
  context.putImageData(made, 0, 0);
  return sheet;
}
