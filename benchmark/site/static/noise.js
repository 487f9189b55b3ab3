// The noise band of benchmark/judge/verdict.py (`baseline`), in percent of the median; a test holds both together.
"use strict";

const noise = {
  FEWEST_RUNS: 5,
  MOST_RUNS: 20,
  BAND_MADS: 3,
  FEW_RUNS: { 2: 1.196, 3: 1.495, 4: 1.363, 5: 1.206, 6: 1.2, 7: 1.14, 8: 1.129, 9: 1.107 },

  median(values) {
    const sorted = [...values].sort((one, other) => one - other);
    const half = sorted.length >> 1;
    return sorted.length % 2 ? sorted[half] : (sorted[half - 1] + sorted[half]) / 2;
  },

  // 0 where there are too few runs to know
  bandPercent(values) {
    const runs = values.length;
    if (runs < noise.FEWEST_RUNS) return 0;
    const middle = noise.median(values);
    if (middle === 0) return 0;
    const mad = noise.median(values.map((value) => Math.abs(value - middle)));
    const few = noise.FEW_RUNS[runs] ?? runs / (runs - 0.8);
    return (100 * noise.BAND_MADS * mad * few * Math.sqrt(1 + Math.PI / (2 * runs))) / Math.abs(middle);
  },
};
