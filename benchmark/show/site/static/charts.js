// Draws each chart of a page when it comes into view; until then, and without scripts, a picture or its text stands there.
"use strict";

const vegaFile = document.currentScript.dataset.vega;
let vegaLoading;

function loadVega() {
  vegaLoading ??= new Promise((done, failed) => {
    const script = document.createElement("script");
    script.src = vegaFile;
    script.onload = done;
    script.onerror = () => failed(new Error(`${vegaFile} is missing`));
    document.head.append(script);
  });
  return vegaLoading;
}

async function draw(holder) {
  await loadVega();
  const spec = JSON.parse(document.getElementById(holder.dataset.spec).textContent);
  const place = document.createElement("span");
  place.className = "chart";
  const { view } = await vegaEmbed(place, spec, { actions: false, renderer: "svg", defaultStyle: false, tooltip: { disableDefaultStyle: true } });
  const svg = place.querySelector("svg");
  const { width, height } = spec.usermeta;
  svg.setAttribute("viewBox", `0 0 ${width} ${height}`);
  svg.setAttribute("aria-hidden", "true"); // the holder says what it shows
  svg.removeAttribute("width");
  svg.removeAttribute("height");
  view.addEventListener("click", (_event, item) => {
    if (item?.datum?.page) location.assign(item.datum.page);
  });
  holder.replaceChildren(place);
  holder.dataset.drawn = "";
}

const seen = new IntersectionObserver((entries) => {
  for (const entry of entries) {
    if (!entry.isIntersecting) continue;
    seen.unobserve(entry.target);
    draw(entry.target);
  }
}, { rootMargin: "200px" });
for (const holder of document.querySelectorAll("[data-spec]")) seen.observe(holder);
