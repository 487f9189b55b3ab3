// Works out the closed forms for what is asked, while it is typed. The question stands in the address.
"use strict";

const form = document.getElementById("asked");
const STEPS = 60;
const CURVE_REACH = 2; // the curve goes on to twice the users that are asked for
let chart;

function asked() {
  return Object.fromEntries([...new FormData(form)].map(([name, value]) => [name, Number(value)]));
}

function showTable(answers) {
  const lines = answers.map(({ way, seats, rps, seconds, knee }) => {
    const row = document.createElement("tr");
    const cells = [way, seats ?? "no limit", format.rate(rps), format.seconds(seconds), knee === null ? "none" : Number(knee.toPrecision(4))];
    cells.forEach((text, place) => {
      const cell = row.insertCell();
      cell.textContent = text;
      if (place) cell.className = "number";
    });
    return row;
  });
  document.getElementById("answers").replaceChildren(...lines);
}

function why({ users, rest }, [pool, , gathered]) {
  const factor = gathered.rps / pool.rps;
  const crowd = users > pool.knee ? `${users} users are more than the ${Number(pool.knee.toPrecision(4))} that its seats can keep up with, so they queue` : "nobody need wait for a seat, if the workers get as many connections each";
  const times = factor >= 10 ? factor.toFixed(0) : factor.toFixed(1);
  const gain = factor < 1.05 ? "asyncio.gather gives no more answers." : `asyncio.gather gives up to ${times} times as many answers.`;
  return `In the thread pool ${pool.seats} seats serve ${format.seconds(pool.workS)} each${rest ? `, and users rest ${format.seconds(rest)}` : ""}: ${crowd}. ${gain}`;
}

function curve(question) {
  const most = Math.max(CURVE_REACH * question.users, 2);
  const places = new Set(Array.from({ length: STEPS + 1 }, (_, step) => (most * step) / STEPS).slice(1));
  for (const { knee } of theory.answers(question)) if (knee !== null && knee < most) places.add(knee);
  return [...places].sort((one, other) => one - other).flatMap((users) => theory.answers({ ...question, users }));
}

async function firstChart(data) {
  await loadScript(vegaFile);
  const spec = { ...JSON.parse(document.getElementById("spec").textContent), datasets: data };
  return vegaEmbed("#chart", spec, EMBED);
}

async function drawChart(question) {
  const data = { curve: curve(question), point: theory.answers(question) };
  chart ??= firstChart(data);
  const { view } = await chart;
  await view.data("curve", data.curve).data("point", data.point).runAsync();
  document.querySelector("#chart svg").setAttribute("aria-hidden", "true"); // the table says the same
}

function show() {
  const wrong = [...form.elements].find((input) => !input.validity.valid);
  const problem = document.getElementById("problem");
  problem.textContent = wrong ? `${wrong.labels[0].firstChild.textContent.trim()}: ${wrong.validationMessage}` : "";
  if (wrong) return; // the last answer stays
  const question = asked();
  const answers = theory.answers(question);
  showTable(answers);
  document.getElementById("why").textContent = why(question, answers);
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
