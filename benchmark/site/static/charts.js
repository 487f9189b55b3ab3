// Draws each chart of a page when it comes into view; until then, and without scripts, a picture or its text stands there.
"use strict";

const vegaFile = document.currentScript.dataset.vega;
const EMBED = { actions: false, renderer: "svg", defaultStyle: false, tooltip: { disableDefaultStyle: true } };
const loading = new Map();
const specifications = new Map();

function loadScript(file) {
  if (!loading.has(file)) {
    loading.set(file, new Promise((done, failed) => {
      const script = document.createElement("script");
      script.src = file;
      script.onload = done;
      script.onerror = () => failed(new Error(`${file} is missing`));
      document.head.append(script);
    }));
  }
  return loading.get(file);
}

// What the file of a chart calls: a script is all that a page from the disk may read.
function chartIs(specification) {
  specifications.set(document.currentScript.getAttribute("src"), specification);
}

async function draw(holder) {
  const file = holder.dataset.spec;
  await Promise.all([loadScript(vegaFile), loadScript(file)]);
  const spec = specifications.get(file);
  const place = document.createElement("span");
  place.className = "chart";
  const { view } = await vegaEmbed(place, spec, EMBED);
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
