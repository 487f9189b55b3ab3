// Numbers as the reports show them (benchmark/formatting.py); a test holds both together.
"use strict";

const NOT_AVAILABLE = "n/a";

// A half is rounded to the even digit, as Python does it; toFixed rounds it up. With 100 digits every number is exact.
function fixed(value, digits) {
  const exact = Math.abs(value).toFixed(100);
  const cut = exact.indexOf(".") + 1 + digits;
  const kept = digits ? exact.slice(0, cut) : exact.slice(0, cut - 1);
  if (!/^50*$/.test(exact.slice(cut)) || Number(kept.at(-1)) % 2) return value.toFixed(digits);
  return (value < 0 ? "-" : "") + kept;
}

const format = {
  count: (value) => (value === null ? NOT_AVAILABLE : String(value)),
  rate: (value) => (value === null ? NOT_AVAILABLE : fixed(value, 2)),
  ms(value) {
    if (value === null) return NOT_AVAILABLE;
    const size = Math.abs(value);
    return fixed(value, size >= 100 ? 0 : size >= 1 ? 1 : 2);
  },
  excess: (value) => format.ms(value),
  signedPercent(value) {
    const shown = fixed(value, Math.abs(value) >= 10 ? 0 : 1);
    return `${Number(shown) === 0 ? "0.0" : (value > 0 ? "+" : "") + shown}\u00a0%`;
  },
  // A length of time with four significant digits; whole minutes as minutes, whole seconds from 1000 on.
  seconds(value) {
    if (value >= 60 && value % 60 === 0) return `${value / 60} min`;
    return `${value >= 1000 ? fixed(value, 0) : Number(value.toPrecision(4))} s`;
  },
};
