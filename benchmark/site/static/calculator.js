// Works out the closed forms for what is asked, while it is typed. The question stands in the address.
"use strict";

const form = document.getElementById("asked");
const STEPS = 60;
const CURVE_REACH = 2; // the curve goes on to twice the users that are asked for
let chart;

function asked() {
  return Object.fromEntries([...new FormData(form)].map(([name, value]) => [name, Number(value)]));
}

function whole(value) {
  return Number(value.toPrecision(4)).toLocaleString("en");
}

function latency(seconds) {
  return format.latency(seconds * 1000);
}

function showTable(bounds) {
  const lines = bounds.map(({ way, slots, rps, seconds, knee }) => {
    const row = document.createElement("tr");
    const cells = [way, slots === null ? "no limit" : format.count(slots), format.rate(rps), latency(seconds), knee === null ? "never" : whole(knee)];
    cells.forEach((text, place) => {
      const cell = row.insertCell();
      cell.textContent = text;
      if (place) cell.className = "number";
    });
    return row;
  });
  document.getElementById("bounds").replaceChildren(...lines);
}

function why({ users, cpu_ms: cpuMs }, [pool, , gathered]) {
  const factor = gathered.rps / pool.rps;
  if (pool.computes) {
    const most = format.rate(1 / pool.demandS);
    return `Each request computes ${latency(cpuMs / 1000)}: processors allow at most ${most} req/s, however requests wait.`;
  }
  const limit = `A def endpoint has ${format.count(pool.slots)} slots (threads) and needs ${latency(pool.serviceS)} for each request:`;
  const crowd = users > pool.knee
    ? `at most ${format.rate(pool.rps)} req/s, and all users beyond ${whole(pool.knee)} queue.`
    : `enough for ${format.count(users)} users, if connections are spread evenly over the workers.`;
  const gain = factor < 1.05 ? "asyncio.gather does not raise the limit." : `asyncio.gather raises the limit ${format.factor(factor)}.`;
  return `${limit} ${crowd} ${gain}`;
}

function curve(question) {
  const most = Math.max(CURVE_REACH * question.users, 2);
  const places = new Set(Array.from({ length: STEPS + 1 }, (_, step) => (most * step) / STEPS).slice(1));
  for (const { knee } of theory.bounds(question)) if (knee !== null && knee < most) places.add(knee);
  return [...places].sort((one, other) => one - other).flatMap((users) => theory.bounds({ ...question, users }));
}

async function firstChart(data) {
  await loadScript(vegaFile);
  const spec = { ...JSON.parse(document.getElementById("spec").textContent), datasets: data };
  return vegaEmbed("#chart", spec, EMBED);
}

async function drawChart(question) {
  const data = { curve: curve(question), point: theory.bounds(question) };
  chart ??= firstChart(data);
  const { view } = await chart;
  await view.data("curve", data.curve).data("point", data.point).runAsync();
  document.querySelector("#chart svg").setAttribute("aria-hidden", "true"); // the table says the same
}

function show() {
  const wrong = [...form.elements].find((input) => !input.validity.valid);
  const problem = document.getElementById("problem");
  problem.textContent = wrong ? `${wrong.labels[0].firstChild.textContent.trim()}: ${wrong.validationMessage}` : "";
  if (wrong) return; // the last result stays
  const question = asked();
  const bounds = theory.bounds(question);
  showTable(bounds);
  document.getElementById("why").textContent = why(question, bounds);
  history.replaceState(null, "", `#${new URLSearchParams(new FormData(form))}`);
  drawChart(question);
}

const remembered = new URLSearchParams(location.hash.slice(1));
for (const input of form.querySelectorAll("input")) {
  if (remembered.has(input.name)) input.value = remembered.get(input.name);
}
form.addEventListener("input", show);
form.addEventListener("submit", (event) => event.preventDefault());
show();
