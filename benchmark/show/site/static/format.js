// Numbers as the reports show them (benchmark/show/text.py); a test holds both together.
"use strict";

const NOT_AVAILABLE = "n/a";

const format = {
  count: (value) => (value === null ? NOT_AVAILABLE : String(value)),
  rate: (value) => (value === null ? NOT_AVAILABLE : value.toFixed(2)),
  ms(value) {
    if (value === null) return NOT_AVAILABLE;
    const size = Math.abs(value);
    return value.toFixed(size >= 100 ? 0 : size >= 1 ? 1 : 2);
  },
  excess: (value) => format.ms(value),
  signedPercent(value) {
    const shown = value.toFixed(Math.abs(value) >= 10 ? 0 : 1);
    return `${Number(shown) === 0 ? "0.0" : (value > 0 ? "+" : "") + shown}\u00a0%`;
  },
  // A length of time with four significant digits; whole minutes as minutes.
  seconds(value) {
    if (value >= 60 && value % 60 === 0) return `${value / 60} min`;
    return `${Number(value.toPrecision(4))} s`;
  },
};
