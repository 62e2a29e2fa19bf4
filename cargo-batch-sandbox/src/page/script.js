// The sandbox's page: what happens in it, live, and the API it speaks.
import { showReference } from "/sandbox/page/reference.js";
import { element, replace } from "/sandbox/page/dom.js";

/** Between two looks, in milliseconds. */
const PACE = 1000;

const at = (id) => document.getElementById(id);

/** The parts of the page that the address names; the first is shown when it names none. */
const parts = ["live", "reference"];

function choosePart() {
  const wanted = location.hash.slice(1).split("/")[0];
  const chosen = parts.includes(wanted) ? wanted : parts[0];
  for (const part of parts) at(part).hidden = part !== chosen;
  for (const link of document.querySelectorAll("nav a")) {
    if (link.hash === `#${chosen}`) link.setAttribute("aria-current", "page");
    else link.removeAttribute("aria-current");
  }
  if (chosen === "reference") showReference(at("contents"), at("chapters"), at("search"));
}

function showFacts(live) {
  const facts = [
    ["sandbox time", live.now.slice(0, 19).replace("T", " ")],
    ["provider credits used", live.batches.reduce((sum, batch) => sum + batch.creditsUsedCount, 0).toFixed(2)],
  ];
  replace(at("facts"), facts.map(([name, value]) => element("div", {}, element("dt", {}, name), element("dd", {}, value))));
}

/** How long a batch has taken so far, in the sandbox's time. */
function took(batch, now) {
  const seconds = Math.round((Date.parse(batch.finishedAt ?? now) - Date.parse(batch.createdAt)) / 1000);
  return seconds < 60 ? `${seconds} s` : `${Math.floor(seconds / 60)} min ${seconds % 60} s`;
}

function progress(batch) {
  const { runsCount, executedRunsCount, failedRunsCount } = batch;
  const share = (count) => ({ style: `width: ${runsCount ? (100 * count) / runsCount : 0}%` });
  return element("div", { class: "bar" },
    element("i", {},
      element("b", share(executedRunsCount - failedRunsCount)),
      element("b", { class: "failed", ...share(failedRunsCount) })),
    element("span", {}, `${executedRunsCount} of ${runsCount}`));
}

function batchRow(batch, now) {
  return element("tr", {},
    element("td", { class: "id", title: batch.uuid }, batch.uuid.slice(0, 8)),
    element("td", {}, batch.data.kind),
    element("td", {}, element("span", { class: `status ${batch.status}`, title: batch.errorMessage ?? "" }, batch.status)),
    element("td", {}, progress(batch)),
    element("td", { class: "number" }, String(batch.failedRunsCount)),
    element("td", { class: "number" }, batch.creditsUsedCount.toFixed(2)),
    element("td", { class: "number" }, took(batch, now)));
}

function requestRow(request) {
  const failed = request.fault !== null || request.status >= 400;
  const answer = request.fault ?? String(request.status ?? "under way");
  const path = request.query ? `${request.path}?${request.query}` : request.path;
  return element("tr", {},
    element("td", { class: "method" }, request.method),
    element("td", { class: "id", title: path }, path),
    element("td", { class: "id" }, request.operation ?? ""),
    element("td", {}, element("span", { class: `status ${failed ? "fault" : "success"}` }, answer)));
}

function failureItem(failure) {
  return element("li", {}, element("strong", {}, failure.recordTitle || failure.recordId), ` ${failure.errorMessage}`);
}

function show(live) {
  showFacts(live);
  at("batch-count").textContent = live.batchCount || "";
  at("request-count").textContent = live.requestCount || "";
  replace(at("batches").tBodies[0], live.batches.map((batch) => batchRow(batch, live.now)));
  document.querySelector(".empty").hidden = live.batches.length > 0;
  replace(at("requests").tBodies[0], live.requests.map(requestRow));
  const none = [element("li", { class: "quiet" }, "None.")];
  replace(at("failures"), live.failures.length ? live.failures.map(failureItem) : none);
}

async function look() {
  const trouble = at("trouble");
  try {
    show(await (await fetch("/sandbox/live")).json());
    trouble.hidden = true;
  } catch {
    trouble.textContent = "The sandbox doesn't answer: has it ended?";
    trouble.hidden = false;
  }
  setTimeout(look, PACE);
}

addEventListener("hashchange", choosePart);
choosePart();
look();
