// Puts two runs side by side. Which ones stands in the address: compare.html#a=ID&b=ID
"use strict";

const { columns, packages, runs } = JSON.parse(document.getElementById("data").textContent);
const byId = new Map(runs.map((run) => [run.id, run]));
const choice = document.getElementById("choice");
const { a: selectA, b: selectB } = choice.elements;

function element(name, text, attributes = {}) {
  const made = document.createElement(name);
  if (text !== undefined) made.textContent = text;
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  return made;
}

function table(heads, lines, kind = "number") {
  const made = element("table");
  const row = made.createTHead().insertRow();
  heads.forEach((head, place) => row.append(element("th", head, place ? { scope: "col", class: kind } : { scope: "col" })));
  const body = made.createTBody();
  for (const line of lines) {
    const cells = body.insertRow();
    line.forEach((cell, place) => cells.append(element("td", cell, place ? { class: kind } : {})));
  }
  const wide = element("div", undefined, { class: "wide", tabindex: "0" });
  wide.append(made);
  return wide;
}

// Why their difference may have nothing to do with the app: every circumstance that is not the same.
function differences(a, b) {
  const found = [];
  for (const name of new Set([...Object.keys(a.facts), ...Object.keys(b.facts)])) {
    if (a.facts[name] !== b.facts[name]) found.push([name, a.facts[name] ?? "", b.facts[name] ?? ""]);
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
  if (a.commit !== b.commit || !a.commit) found.push(["Commit", a.commit || "not known", b.commit || "not known"]);
  const before = packages[a.packages];
  const now = packages[b.packages];
  for (const name of [...new Set([...Object.keys(before), ...Object.keys(now)])].sort()) {
    if (before[name] !== now[name]) found.push([name, before[name] ?? "not installed", now[name] ?? "not installed"]);
  }
  return found;
}

function difference(from, to, shown) {
  if (from === null || to === null) return "";
  if (shown === "excess") return `${to > from ? "+" : ""}${format.ms(to - from)}\u00a0ms`; // in percent a fraction of a ms would look like much
  if (from === 0) return shown === "count" && to ? `+${to}` : "";
  return format.signedPercent(100 * (to / from - 1));
}

function endpoint(run, name) {
  const [, values = [], split = ""] = run.endpoints.find(([each]) => each === name) ?? [];
  return { values, split };
}

function section(name, a, b) {
  const [from, to] = [endpoint(a, name), endpoint(b, name)];
  const lines = columns.map(([, title, shown], place) => {
    const [before, now] = [from.values[place] ?? null, to.values[place] ?? null];
    return [title, format[shown](before), format[shown](now), difference(before, now, shown)];
  });
  const made = element("section");
  made.append(element("h2", name), table(["", "From", "To", "Difference"], lines));
  if (from.split !== to.split && from.split && to.split) {
    const luck = `Connections per worker: ${from.split}, then ${to.split}. Where requests wait for a seat, latencies depend on that; median over predicted does not.`;
    made.append(element("p", luck, { class: "more" }));
  }
  return made;
}

function verdictLine(a, b, apart, changed) {
  if (a === b) return "This is the same run twice; choose another.";
  if (!apart.length) return `Both were measured under the same circumstances${changed.length ? ", with other software" : ""}.`;
  const names = apart.map(([name]) => name);
  const shown = names.length > 4 ? `${names.slice(0, 4).join(", ")} and ${names.length - 4} more` : names.join(", ");
  return `Not measured alike (${shown}): what differs below need not come from the app.`;
}

function show() {
  const [a, b] = [byId.get(selectA.value), byId.get(selectB.value)];
  const apart = differences(a, b);
  const changed = a === b ? [] : software(a, b);
  const said = document.getElementById("said");
  said.textContent = verdictLine(a, b, apart, changed);
  said.className = apart.length || a === b ? "differs" : "";
  const parts = [];
  for (const name of new Set([...a.endpoints, ...b.endpoints].map(([each]) => each))) {
    parts.push(section(name, a, b));
  }
  for (const [title, lines] of [["What else differs", apart], ["The software", changed]]) {
    if (!lines.length) continue;
    const listed = element("section", undefined, { class: "whole" });
    listed.append(element("h2", title), table(["", "From", "To"], lines, "text"));
    parts.push(listed);
  }
  const pages = element("p", undefined, { class: "whole" });
  for (const [word, run] of [["From", a], ["To", b]]) {
    pages.append(`${word}: `, element("a", run.label, { href: `runs/${run.id}/index.html` }), ` (${run.state}). `);
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
  for (const select of [selectA, selectB]) select.append(...runs.map((run) => new Option(run.label, run.id)));
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
