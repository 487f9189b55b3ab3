// Numbers as the reports show them (benchmark/formatting.py); a test holds both together.
"use strict";

const NOT_AVAILABLE = "n/a";
const MINUS = "\u2212";

// A half is rounded to the even digit, as Python does it; toFixed rounds it up. With 100 digits every number is exact.
function fixed(value, digits) {
  const exact = value.toFixed(100);
  const cut = exact.indexOf(".") + 1 + digits;
  const kept = digits ? exact.slice(0, cut) : exact.slice(0, cut - 1);
  return !/^50*$/.test(exact.slice(cut)) || Number(kept.at(-1)) % 2 ? value.toFixed(digits) : kept;
}

// "1,234.50"; a negative number with a minus sign
function grouped(value, digits) {
  const [whole, rest] = fixed(Math.abs(value), digits).split(".");
  const shown = whole.replace(/\B(?=(\d{3})+$)/g, ",") + (rest ? `.${rest}` : "");
  return value < 0 ? MINUS + shown : shown;
}

const format = {
  count: (value) => (value === null ? NOT_AVAILABLE : grouped(value, 0)),
  rate: (value) => (value === null ? NOT_AVAILABLE : grouped(value, 2)),
  ratio: (value) => format.rate(value),
  ms(value) {
    if (value === null) return NOT_AVAILABLE;
    const size = Math.abs(value);
    return grouped(value, size >= 100 ? 0 : size >= 1 ? 1 : 2);
  },
  latency(valueMs) {
    if (valueMs === null) return NOT_AVAILABLE;
    if (Number(fixed(Math.abs(valueMs), 0)) < 1000) return `${format.ms(valueMs)} ms`;
    const size = Math.abs(valueMs / 1000);
    return `${grouped(valueMs / 1000, Number(fixed(size, 1)) >= 100 ? 0 : Number(fixed(size, 2)) >= 10 ? 1 : 2)} s`;
  },
  factor: (value) => `${grouped(value, value >= 10 ? 0 : 1)}×`,
  percent: (value) => `${grouped(value, Math.abs(value) >= 10 ? 0 : 1)}%`,
  signedPercent(value) {
    const shown = format.percent(Math.abs(value));
    return shown === "0.0%" ? shown : (value < 0 ? MINUS : "+") + shown;
  },
  // A length of time with four significant digits; whole minutes as minutes, whole seconds from 1000 on.
  seconds(value) {
    if (value >= 60 && value % 60 === 0) return `${value / 60} min`;
    return `${value >= 1000 ? fixed(value, 0) : Number(value.toPrecision(4))} s`;
  },
};
