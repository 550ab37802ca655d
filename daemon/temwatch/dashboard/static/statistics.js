// Numbers about numbers. Pure.

/** Return the q-quantile of ascending values, between neighbours linearly. */
export function quantile(ascending, q) {
  const at = (ascending.length - 1) * q;
  const low = Math.floor(at);
  const high = Math.min(low + 1, ascending.length - 1);
  return ascending[low] + (at - low) * (ascending[high] - ascending[low]);
}

/** Return {edges, counts} over ascending values; as wide as Freedman and Diaconis say (1981), 5 to 40 bins. */
export function histogramOf(ascending) {
  const [low, high] = [ascending[0], ascending.at(-1)];
  const span = high - low || Math.max(1, Math.abs(low) * 0.1);
  const width = (2 * (quantile(ascending, 0.75) - quantile(ascending, 0.25))) / Math.cbrt(ascending.length);
  const bins = Math.min(40, Math.max(5, Math.ceil(span / (width || span / 10))));
  const edges = Array.from({ length: bins + 1 }, (_, i) => low + (i * span) / bins);
  const counts = new Array(bins).fill(0);
  for (const value of ascending) counts[Math.min(bins - 1, Math.floor(((value - low) / span) * bins))] += 1;
  return { edges, counts };
}

/** Return the 95 % interval of the mean by drawing whole groups with replacement (Efron 1979), null below 3 groups. */
export function bootstrapMean(groups, { draws = 1000, seed = 1 } = {}) {
  if (groups.length < 3) return null;
  const sums = groups.map((group) => [group.reduce((sum, value) => sum + value, 0), group.length]);
  const random = generator(seed);
  const means = Array.from({ length: draws }, () => {
    let [sum, n] = [0, 0];
    for (let i = 0; i < sums.length; i++) {
      const [s, m] = sums[Math.floor(random() * sums.length)];
      sum += s;
      n += m;
    }
    return sum / n;
  }).sort((a, b) => a - b);
  return [quantile(means, 0.025), quantile(means, 0.975)];
}

/** Numbers in [0, 1), the same for the same seed (mulberry32), so that a plot looked at twice says the same. */
function generator(seed) {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = state;
    t = Math.imul(t ^ (t >>> 15), t | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
}

/** Return the 95 % interval of a share k of n (E. B. Wilson, J. Am. Stat. Assoc. 22 (1927) 209). */
export function wilson(k, n) {
  const z = 1.959964;
  const p = k / n;
  const middle = (p + (z * z) / (2 * n)) / (1 + (z * z) / n);
  const half = (z / (1 + (z * z) / n)) * Math.sqrt((p * (1 - p)) / n + (z * z) / (4 * n * n));
  return [Math.max(0, middle - half), Math.min(1, middle + half)];
}

/** Return {slope, at} of the straight line of least squares through points [x, y]; null where it has no slope. */
export function line(points) {
  const n = points.length;
  const [mx, my] = [0, 1].map((k) => points.reduce((sum, point) => sum + point[k], 0) / n);
  const spread = points.reduce((sum, [x]) => sum + (x - mx) ** 2, 0);
  if (n < 2 || spread === 0) return null;
  const slope = points.reduce((sum, [x, y]) => sum + (x - mx) * (y - my), 0) / spread;
  return { slope, at: (x) => my + slope * (x - mx) };
}

/** Return the 95 % interval of the slope by drawing points with replacement, null below 5 points. */
export function bootstrapSlope(points, { draws = 1000, seed = 1 } = {}) {
  if (points.length < 5) return null;
  const random = generator(seed);
  const slopes = Array.from({ length: draws }, () => line(points.map(() => points[Math.floor(random() * points.length)]))?.slope)
    .filter((slope) => slope !== undefined).sort((a, b) => a - b);
  return [quantile(slopes, 0.025), quantile(slopes, 0.975)];
}
