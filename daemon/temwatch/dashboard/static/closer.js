// The frame's own pixels where the preview is too coarse: one window of them, fetched when the view has come to rest.

import { pixels } from "./api.js";

const TILE = 256; // windows begin and end at multiples of this, so that a small step needs no new one
const MOST = 2048; // rows or columns the daemon gives at once
const REST_MS = 150;

/** Return the window that covers what is seen, {row, col, rows, cols}; null where it would be too large. */
export function windowOf([rows, cols], { top, left, bottom, right }) {
  const low = (at) => Math.max(0, Math.floor(at / TILE) * TILE);
  const high = (at, end) => Math.min(end, Math.ceil(at / TILE) * TILE);
  const [row, col] = [low(top), low(left)];
  const place = { row, col, rows: high(bottom, rows) - row, cols: high(right, cols) - col };
  return place.rows < 1 || place.cols < 1 || place.rows > MOST || place.cols > MOST ? null : place;
}

const holds = (a, b) => a.row <= b.row && a.col <= b.col && a.row + a.rows >= b.row + b.rows && a.col + a.cols >= b.col + b.cols;

export class Closer {
  constructor(came) {
    this.came = came;
    this.forget();
  }

  forget() {
    clearTimeout(this.timer);
    this.frameId = null;
    this.place = null; // of the picture at hand
    this.image = null;
    this.wanted = null;
    this.without = null; // the frame whose file can't be read any more
  }

  /** Want a window of a frame; `came` is called when it is there. */
  want(frameId, place) {
    if (frameId !== this.frameId) {
      const without = this.without;
      this.forget();
      this.frameId = frameId;
      this.without = without;
    }
    if (!place || this.without === frameId || (this.place && holds(this.place, place)) || (this.wanted && holds(this.wanted, place))) return;
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.fetch(frameId, place), REST_MS);
  }

  async fetch(frameId, place) {
    this.wanted = place;
    const image = await pixels(frameId, place).catch(() => null);
    if (this.frameId !== frameId || this.wanted !== place) return;
    this.wanted = null;
    if (!image) {
      this.without = frameId;
      return;
    }
    this.place = place;
    this.image = image;
    this.came();
  }
}
