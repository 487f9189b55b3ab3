// Puts two runs side by side, what differs most first. Which ones stands in the address: compare.html#a=ID&b=ID
"use strict";

const { columns, packages, runs } = JSON.parse(document.getElementById("data").textContent);
const byId = new Map(runs.map((run) => [run.id, run]));
const choice = document.getElementById("choice");
const { a: selectA, b: selectB } = choice.elements;
const SMALLEST_PERCENT = 5; // a smaller change never counts, as in the verdicts
const MOST_NAMED = 3;
const MOST_LETTERS = 60;

function element(name, text, attributes = {}) {
  const made = document.createElement(name);
  if (text !== undefined) made.textContent = text;
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  return made;
}

// Cells are texts, or elements that go into one.
function table(heads, lines, kind = "number") {
  const made = element("table");
  const row = made.createTHead().insertRow();
  heads.forEach((head, place) => row.append(element("th", head, { scope: "col", ...(place ? { class: kind } : {}) })));
  const body = made.createTBody();
  for (const line of lines) {
    const cells = body.insertRow();
    line.forEach((cell, place) => {
      const made = element("td", undefined, place ? { class: kind } : {});
      made.append(cell);
      cells.append(made);
    });
  }
  const wide = element("div", undefined, { class: "wide", tabindex: "0" });
  wide.append(made);
  return wide;
}

function folded(title, ...content) {
  const made = element("details");
  made.append(element("summary", title), ...content);
  return made;
}

// Every circumstance that is not the same: it may be why the numbers differ.
function differences(a, b) {
  const found = [];
  for (const name of new Set([...Object.keys(a.facts), ...Object.keys(b.facts)])) {
    if (a.facts[name] !== b.facts[name]) found.push([name, a.facts[name] ?? "none", b.facts[name] ?? "none"]);
  }
  for (const [name, , , definition] of b.endpoints) {
    const [, , , before] = a.endpoints.find(([each]) => each === name) ?? [];
    if (before !== undefined && before !== definition) found.push([`Endpoint ${name}`, before, definition]);
  }
  return found;
}

// What differs in the software: it may be just what the two runs are to show.
function software(a, b) {
  const found = [];
  if (a.commit !== b.commit || !a.commit) found.push(["Commit", a.commit || "unknown", b.commit || "unknown"]);
  const before = packages[a.packages];
  const now = packages[b.packages];
  for (const name of [...new Set([...Object.keys(before), ...Object.keys(now)])].sort()) {
    if (before[name] !== now[name]) found.push([name, before[name] ?? "not installed", now[name] ?? "not installed"]);
  }
  return found;
}

function cut(text) {
  return text.length > MOST_LETTERS ? `${text.slice(0, MOST_LETTERS - 1)}…` : text;
}

// "Kernel 6.8.0 → 6.11.0; Python 3.11 → 3.12 and 2 more"
function named(lines) {
  const shown = lines.slice(0, MOST_NAMED).map(([name, from, to]) => `${name} ${cut(from)} → ${cut(to)}`).join("; ");
  return lines.length > MOST_NAMED ? `${shown} and ${lines.length - MOST_NAMED} more` : shown;
}

function endpoint(run, name) {
  const [, values = [], split = ""] = run.endpoints.find(([each]) => each === name) ?? [];
  return { values, split };
}

// What a number of a run is compared with by chance: the same number of the runs before it in its series.
function noisePercent(run, name, place) {
  const values = [];
  for (let one = byId.get(run.before); one && values.length < noise.MOST_RUNS; one = byId.get(one.before)) {
    const value = endpoint(one, name).values[place] ?? null;
    if (value !== null && one.state === "usable") values.push(value);
  }
  return Math.max(SMALLEST_PERCENT, noise.bandPercent(values));
}

// One number of one endpoint in both runs. `size`: by how much it differs (%); `kind`: what that means.
function change(name, place, a, b) {
  const { title, shown, better, up, down, smallest, main } = columns[place];
  const [from, to] = [a, b].map((run) => endpoint(run, name).values[place] ?? null);
  const made = { name, title, main, from: format[shown](from), to: format[shown](to), size: 0, text: "", kind: "", word: "" };
  if (from === null || to === null) return made;
  const percent = from === 0 ? (to === 0 ? 0 : Infinity) : 100 * (to / from - 1);
  const [newer] = runs.filter((run) => run === a || run === b);
  const isNoise = Math.abs(to - from) < smallest || Math.abs(percent) <= noisePercent(newer, name, place);
  made.size = Math.abs(percent);
  made.text = Number.isFinite(percent) ? format.signedPercent(percent) : `+${format[shown](to)}`;
  if (from === to || made.text === "0.0%") return { ...made, text: "", kind: "same", word: "same" };
  if (isNoise) return { ...made, kind: "same", word: "within noise" };
  const isBetter = (to > from ? 1 : -1) === better;
  return { ...made, kind: better ? (isBetter ? "better" : "worse") : "other", word: to > from ? up : down };
}

function lines(changes) {
  return changes.map(({ title, from, to, text, word, kind }) => {
    return [title, from, to, element("span", `${text} ${word}`.trim(), { class: `change ${kind}` })];
  });
}

// What is beyond noise is shown at once, everything on demand. `isCalm`: nothing is, though something is elsewhere.
function section({ name, changes }, isCalm, a, b) {
  const heads = ["", "From", "To", "Change"];
  const made = element("section");
  made.append(element("h2", name));
  if (!isCalm) made.append(table(heads, lines(changes.filter(({ main }) => main))));
  const more = [table(heads, lines(isCalm ? changes : changes.filter(({ main }) => !main)))];
  const [from, to] = [endpoint(a, name).split, endpoint(b, name).split];
  if (from !== to && from && to) {
    const luck = `Connections per worker: ${from}, then ${to}. Where requests wait for a slot, latencies depend on that; p50 ÷ predicted does not.`;
    more.push(element("p", luck, { class: "more" }));
  }
  made.append(folded(isCalm ? "Within noise: show all numbers" : "Show all numbers", ...more));
  return made;
}

function bySize(one, other) {
  return other.size === one.size ? 0 : other.size - one.size;
}

// Endpoints, and the numbers of each, by the size of their change; what is beyond noise comes first.
function compared(a, b) {
  const names = [...new Set([...a.endpoints, ...b.endpoints].map(([each]) => each))];
  const found = names.map((name) => {
    const changes = columns.map((_, place) => change(name, place, a, b)).sort(bySize);
    const main = changes.filter((one) => one.main);
    const beyond = main.filter(({ kind }) => kind === "better" || kind === "worse");
    return { name, changes, beyond, isShared: main.some(({ kind }) => kind), size: (beyond[0] ?? main[0]).size };
  });
  return found.sort((one, other) => (other.beyond.length > 0) - (one.beyond.length > 0) || bySize(one, other));
}

function several(number, word) {
  return `${number} ${word}${number === 1 ? "" : "s"}`;
}

function summary(found) {
  const shared = found.filter(({ isShared }) => isShared);
  if (!shared.length) return "These runs have no endpoint with numbers in common.";
  const changed = shared.filter(({ beyond }) => beyond.length);
  const calm = shared.length - changed.length;
  if (!changed.length) {
    const [most] = shared[0].changes.filter(({ main }) => main);
    const largest = most.size ? ` Largest: ${most.title} of ${most.name}, ${most.text}.` : "";
    return `No difference beyond noise at ${several(shared.length, "endpoint")}.${largest}`;
  }
  const [{ name, title, from, to, text, word }] = changed[0].beyond;
  const parts = [`${name} differs most: ${title} ${from} → ${to} (${text}, ${word}).`];
  if (changed.length > 1) parts.push(`${several(changed.length - 1, "more endpoint")} beyond noise.`);
  if (calm) parts.push(`${several(calm, changed.length > 1 ? "endpoint" : "other endpoint")} within noise.`);
  return parts.join(" ");
}

function circumstances(apart, changed) {
  if (apart.length) return `Different conditions (${named(apart)}): differences below may not come from the app.`;
  return changed.length ? `Same conditions, different software (${named(changed)}).` : "Same conditions, same software.";
}

function show() {
  const [a, b] = [byId.get(selectA.value), byId.get(selectB.value)];
  const isTwice = a === b;
  const apart = differences(a, b);
  const changed = isTwice ? [] : software(a, b);
  const found = compared(a, b);
  document.getElementById("said").textContent = isTwice ? "This is the same run twice; choose another." : summary(found);
  const alike = document.getElementById("alike");
  alike.textContent = isTwice ? "" : circumstances(apart, changed);
  alike.className = apart.length ? "differs" : "";
  const pages = element("p", undefined, { class: "whole" });
  for (const [word, run] of [["From", a], ["To", b]]) {
    const line = element("span", `${word}: `, { class: "line" });
    line.append(element("a", run.label, { href: `runs/${run.id}/index.html` }), " ", element("strong", run.state === "usable" ? "" : run.state, { class: "state" }));
    pages.append(line);
  }
  const isAnyBeyond = found.some(({ beyond }) => beyond.length);
  const parts = found.map((one) => section(one, isAnyBeyond && !one.beyond.length, a, b));
  for (const [title, differing] of [["Conditions that differ", apart], ["Software that differs", changed]]) {
    if (!differing.length) continue;
    const listed = element("section", undefined, { class: "whole" });
    listed.append(folded(`${title}: ${differing.length}`, table(["", "From", "To"], differing, "text")));
    parts.push(listed);
  }
  document.getElementById("result").replaceChildren(pages, ...parts);
  history.replaceState(null, "", `#${new URLSearchParams({ a: a.id, b: b.id })}`);
}

function choose(a, b) {
  if (byId.has(a)) selectA.value = a;
  if (byId.has(b)) selectB.value = b;
  show();
}

function fromAddress() {
  const asked = new URLSearchParams(location.hash.slice(1));
  const b = byId.get(asked.get("b")) ?? runs[0];
  choose((byId.get(asked.get("a")) ?? byId.get(b.before) ?? runs[1] ?? b).id, b.id);
}

if (runs.length) {
  for (const select of [selectA, selectB]) select.append(...runs.map((run) => new Option(run.short, run.id)));
  choice.addEventListener("change", show);
  document.getElementById("swap").addEventListener("click", () => choose(selectB.value, selectA.value));
  addEventListener("hashchange", () => {
    if (location.hash.includes("b=")) fromAddress(); // "#content" is a place on this page
  });
  fromAddress();
} else {
  choice.hidden = true;
  document.getElementById("said").textContent = "No run has been published yet.";
}
