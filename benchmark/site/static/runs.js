// Filters the list of runs. The filters stand in the address, so that a filtered list can be sent to somebody.
"use strict";

const form = document.getElementById("filters");
const names = ["series", "from", "to", "usable"];

// A date may be a year or a month, too: "2026-11".
function isWithin(date, { from, to }) {
  return (!from || date >= from) && (!to || date.slice(0, to.length) <= to);
}

function apply() {
  const wanted = Object.fromEntries(new FormData(form));
  for (const name of ["from", "to"]) if (!form.elements[name].validity.valid) delete wanted[name];
  let shown = 0;
  const lines = document.querySelectorAll("#list > li");
  for (const line of lines) {
    const { series, date, state } = line.dataset;
    line.hidden =
      (wanted.series && series !== wanted.series) || !isWithin(date, wanted) || ("usable" in wanted && state !== "usable");
    shown += !line.hidden;
  }
  document.getElementById("count").textContent = `${shown} of ${lines.length} runs`;
}

function remember() {
  const kept = new URLSearchParams([...new FormData(form)].filter(([, value]) => value));
  history.replaceState(null, "", `#${kept}`);
}

if (form) {
  const asked = new URLSearchParams(location.hash.slice(1));
  for (const name of names) {
    if (!asked.has(name) || !form.elements[name]) continue;
    if (name === "usable") form.elements[name].checked = true;
    else form.elements[name].value = asked.get(name);
  }
  form.hidden = false;
  form.addEventListener("submit", (event) => event.preventDefault());
  form.addEventListener("input", () => {
    apply();
    remember();
  });
  apply();
}
