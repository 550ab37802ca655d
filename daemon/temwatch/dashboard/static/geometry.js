// Where things are. Image coordinates are (row, col), pixel centres at integers; on screen x = col, y = row, y down.

/** Return the four corners [x, y] of a rectangle; angle_deg runs from +col towards +row. */
export function corners({ row, col, length_px, width_px, angle_deg }, more = 0) {
  const a = (angle_deg * Math.PI) / 180;
  const [ux, uy] = [Math.cos(a), Math.sin(a)];
  const [l, w] = [length_px / 2 + more, width_px / 2 + more];
  return [[1, 1], [-1, 1], [-1, -1], [1, -1]].map(([i, j]) => [
    col + i * l * ux - j * w * uy,
    row + i * l * uy + j * w * ux,
  ]);
}

export const points = (rectangle, more = 0) =>
  corners(rectangle, more).map(([x, y]) => `${x.toFixed(2)},${y.toFixed(2)}`).join(" ");

/** Return the rectangle whose long axis runs from one point to another, with a width. Points are [x, y]. */
export function along([x0, y0], [x1, y1], width) {
  const axis = Math.hypot(x1 - x0, y1 - y0);
  let angle = (Math.atan2(y1 - y0, x1 - x0) * 180) / Math.PI;
  if (width > axis) angle += 90;
  angle = folded(angle);
  const [long, short] = [Math.max(axis, width), Math.min(axis, width)];
  return { row: (y0 + y1) / 2, col: (x0 + x1) / 2, length_px: Math.max(long, 1), width_px: Math.max(short, 1), angle_deg: angle };
}

/** Return a direction as an angle in (-90, 90]. */
export function folded(angle) {
  let a = angle % 180;
  if (a > 90) a -= 180;
  if (a <= -90) a += 180;
  return a;
}

/** Return the round length (1, 2 or 5 times a power of ten) that is nearest below `most`. */
export function roundLength(most) {
  if (!(most > 0)) return 0;
  const power = 10 ** Math.floor(Math.log10(most));
  return [5, 2, 1].find((n) => n * power <= most * 1.0000001) * power;
}

/** Return round values, 1, 2 or 5 times a power of ten apart, from `low` to `high`: about `count` of them. */
export function ticksOf(low, high, count = 5) {
  const least = (high - low || 1) / (count + 1);
  const power = 10 ** Math.floor(Math.log10(least));
  const step = [1, 2, 5, 10].find((n) => n * power >= least * 0.999999) * power;
  const first = Math.ceil(low / step - 1e-9);
  return Array.from({ length: Math.max(0, Math.floor(high / step + 1e-9) - first + 1) }, (_, i) => Number(((first + i) * step).toPrecision(12)));
}

/** Return a length of px pixels in words, in nm or µm where the pixel size is known. */
export function lengthInWords(px, nmPerPx) {
  if (nmPerPx === null || nmPerPx === undefined) return `${short(px)} px`;
  const nm = px * nmPerPx;
  return nm >= 999.5 ? `${short(nm / 1000)} µm` : `${short(nm)} nm`;
}

export function short(value) {
  if (value === null || value === undefined) return "–";
  if (value === 0) return "0";
  const size = Math.abs(value);
  if (size >= 1000) return Math.round(value).toString();
  return Number(value.toPrecision(size >= 100 ? 3 : size >= 1 ? 3 : 2)).toString();
}

/** Return a table of 256 greys: black below one percentile, white above the other, gamma between. */
export function greyTable(histogram, low, high, gamma) {
  const total = histogram.reduce((sum, n) => sum + n, 0) || 1;
  const at = (share) => {
    let seen = 0;
    for (let g = 0; g < 256; g++) {
      seen += histogram[g];
      if (seen >= share * total && seen > 0) return g;
    }
    return 255;
  };
  const [black, white] = [at(low / 100), Math.max(at(high / 100), at(low / 100) + 1)];
  return Uint8Array.from({ length: 256 }, (_, g) =>
    Math.round(255 * Math.min(1, Math.max(0, (g - black) / (white - black))) ** gamma),
  );
}
