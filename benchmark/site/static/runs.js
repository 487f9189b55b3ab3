// Filters the list of runs. The filters stand in the address, so that a filtered list can be sent to somebody.
"use strict";

const form = document.getElementById("filters");
const names = ["series", "from", "to", "usable"];

function apply() {
  const wanted = Object.fromEntries(new FormData(form));
  let shown = 0;
  const lines = document.querySelectorAll("#list tbody tr");
  for (const line of lines) {
    const { series, date, state } = line.dataset;
    line.hidden =
      (wanted.series && series !== wanted.series) ||
      (wanted.from && date < wanted.from) ||
      (wanted.to && date > wanted.to) ||
      ("usable" in wanted && state !== "usable");
    shown += !line.hidden;
  }
  document.getElementById("count").textContent = `${shown} of ${lines.length} runs`;
}

function remember() {
  const kept = new URLSearchParams([...new FormData(form)].filter(([, value]) => value));
  history.replaceState(null, "", `#${String(kept) || "runs"}`);
}

if (form) {
  const asked = new URLSearchParams(location.hash.slice(1));
  for (const name of names) {
    if (!asked.has(name)) continue;
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
  if (names.some((name) => asked.has(name))) document.getElementById("runs").scrollIntoView();
}
