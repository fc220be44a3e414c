// Draws what the streams bring. Text goes into the page as text, never as markup.

const main = document.getElementById("main");
const where = document.getElementById("where");
const fresh = document.getElementById("fresh");
const number = new Intl.NumberFormat();
const clock = new Intl.DateTimeFormat(undefined, { timeStyle: "short" });
const moment = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "short" });
const SVG = "http://www.w3.org/2000/svg";

function el(name, attributes = {}, ...children) {
  const node = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) {
    if (value !== null && value !== undefined && value !== false) node.setAttribute(key, value === true ? "" : value);
  }
  node.append(...children.filter((child) => child !== null && child !== undefined && child !== ""));
  return node;
}

function svg(name, attributes = {}, ...children) {
  const node = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) node.setAttribute(key, value);
  node.append(...children);
  return node;
}

// A time as the tables have it, in UTC with or without its zone; the viewer's zone is shown.
function time(text, format = moment) {
  if (!text) return "";
  const whole = text.length === 16 ? `${text}:00` : text;
  const date = new Date(/Z|[+-]\d\d:\d\d$/.test(whole) ? whole : `${whole}Z`);
  return Number.isNaN(date.getTime()) ? text : format.format(date);
}

const figure = (value, digits = 0) =>
  value === null || value === undefined ? "–" : value.toLocaleString(undefined, { maximumFractionDigits: digits });

const dollars = (text) => text && `$${text}`;

function health(one) {
  if (one.suspended) return ["Suspended", "off", "‖"];
  if (one.healthy) return ["Healthy", "good", "✓"];
  if (one.ready === "True" || one.ready === "Unknown") return ["In progress", "busy", "…"];
  return [one.reason || "Not ready", "bad", "!"];
}

// Colour is never alone: a sign and a word go with it.
function badge([text, kind, sign]) {
  return el("span", { class: `badge ${kind}` }, el("span", { "aria-hidden": "true" }, sign), " ", text);
}

// A head is its text, and "right" for figures, "whole" for what never breaks, "long" for sentences.
function table(heads, rows, caption) {
  return el(
    "div",
    { class: "scroll", tabindex: "0", role: "region", "aria-label": caption },
    el(
      "table",
      {},
      el("caption", { class: "hidden" }, caption),
      el("thead", {}, el("tr", {}, ...heads.map(([text, kind]) => el("th", { scope: "col", class: kind === "right" && kind }, text)))),
      el("tbody", {}, ...rows.map((cells) => el("tr", {}, ...cells.map((cell, at) => el("td", { class: heads[at][1] }, cell))))),
    ),
  );
}

function card(title, ...children) {
  const id = `c-${title.toLowerCase().replace(/[^a-z]+/g, "-")}`;
  return el("section", { "aria-labelledby": id }, el("h2", { id }, title), ...children);
}

const empty = (text) => el("p", { class: "empty" }, text);

function shares(counts, names, caption) {
  const rows = Object.entries(counts).filter(([, count]) => count > 0);
  if (rows.length === 0) return null;
  const most = Math.max(...rows.map(([, count]) => count));
  return el(
    "dl",
    { class: "shares", "aria-label": caption },
    ...rows.flatMap(([name, count]) => [
      el("dt", {}, names[name] || name),
      el("dd", {}, el("meter", { min: 0, max: most, value: count, "aria-hidden": "true" }), el("span", {}, number.format(count))),
    ]),
  );
}

// Bars of events by minute; the present minute, which is not over, is drawn lighter.
function chart(numbers) {
  const width = 720;
  const height = 140;
  const most = Math.max(1, ...numbers.total);
  const step = width / numbers.total.length;
  const bars = numbers.total.map((count, at) => {
    const tall = Math.round((count / most) * (height - 8));
    const title = svg("title");
    title.textContent = `${time(numbers.minutes[at], clock)}: ${number.format(count)} events`;
    return svg(
      "rect",
      {
        x: at * step + 1,
        y: height - Math.max(tall, count ? 1 : 0),
        width: Math.max(1, step - 2),
        height: Math.max(tall, count ? 1 : 0),
        class: at === numbers.total.length - 1 ? "bar now" : "bar",
      },
      title,
    );
  });
  const sum = numbers.total.reduce((a, b) => a + b, 0);
  const figureOf = el(
    "figure",
    { class: "chart" },
    svg(
      "svg",
      {
        viewBox: `0 0 ${width} ${height}`,
        preserveAspectRatio: "none",
        role: "img",
        "aria-label": `${number.format(sum)} events in the last ${numbers.total.length} minutes, ${number.format(most)} in the busiest`,
      },
      svg("line", { x1: 0, x2: width, y1: height - 0.5, y2: height - 0.5, class: "axis" }),
      ...bars,
    ),
    el(
      "figcaption",
      {},
      el("span", {}, time(numbers.minutes[0], clock)),
      el("span", {}, `most in a minute: ${number.format(most)}`),
      el("span", {}, "now"),
    ),
  );
  return figureOf;
}

function tile(label, value, note) {
  return el("div", { class: "tile" }, el("div", { class: "label" }, label), el("div", { class: "value" }, value), note ? el("div", { class: "note" }, note) : null);
}

function drawList({ namespace, pipelines, error }) {
  where.textContent = namespace ? `namespace ${namespace}` : "all namespaces";
  document.title = "Clickstream pipelines";
  const body = [];
  if (error) body.push(el("p", { class: "error", role: "alert" }, error));
  if (pipelines.length === 0 && !error) {
    body.push(
      empty(`There is no pipeline in ${namespace ? `namespace ${namespace}` : "this cluster"}. `),
      el("pre", {}, "kubectl clickstream init web | kubectl apply -f -"),
    );
  } else if (pipelines.length) {
    body.push(
      el("h1", {}, "Pipelines"),
      table(
        [["Pipeline", "long"], ["Health", "long"], ["Events/s", "right"], ["Lag", "right"], ["Errors", "right"], ["Dead letters", "right"], ["Cost a month", "right"], ["Compared with AWS", "whole"]],
        pipelines.map((one) => [
          el("a", { href: `#/${one.namespace}/${one.name}` }, one.namespace === namespace ? one.name : `${one.namespace}/${one.name}`),
          el("span", {}, badge(health(one)), one.message || one.error ? el("span", { class: "note" }, " ", one.message || one.error) : null),
          figure(one.eventsPerSecond, 1),
          one.lagSeconds === null || one.lagSeconds === undefined ? "–" : `${figure(one.lagSeconds, 1)} s`,
          figure(one.errors),
          figure(one.deadLetters),
          dollars(one.estimatedMonthlyCost) || "–",
          time(one.lastVerified),
        ]),
        "Pipelines",
      ),
    );
  }
  main.replaceChildren(...body);
}

const CLASSES = { Human: "People", Suspected: "Suspects", Robot: "Robots", AIAgent: "AI agents" };

function drawNumbers(numbers) {
  const perMinute = numbers.total.length > 1 ? numbers.total[numbers.total.length - 2] : 0;
  const kinds = Object.fromEntries(Object.entries(numbers.kinds).map(([kind, series]) => [kind, series.reduce((a, b) => a + b, 0)]));
  const pages = numbers.hour.pages.map((page) => [page.page, number.format(page.views), number.format(page.unique_visitors)]);
  const robots = { ...numbers.classes };
  return [
    el(
      "div",
      { class: "tiles" },
      tile("Visitors this hour", number.format(numbers.hour.visitors), "exact to 96, then within about 3 %"),
      tile("Page views this hour", number.format(numbers.hour.views)),
      tile("Events last minute", number.format(perMinute)),
      tile("Open incidents", number.format(numbers.incidents.filter((one) => !one.over).length)),
    ),
    card("Events by minute", numbers.total.some((count) => count) ? chart(numbers) : empty("No event of the last hour is counted yet. `kubectl clickstream send NAME` sends some.")),
    el(
      "div",
      { class: "columns" },
      card("Top pages this hour", pages.length ? table([["Page", "long"], ["Views", "right"], ["Visitors", "right"]], pages, "Top pages this hour") : empty("No page view in this hour.")),
      card("Events by type, last hour", shares(kinds, {}, "Events by type") || empty("None.")),
      card("Channels, last hour", shares(numbers.channels, {}, "Page views by channel") || empty("No page view from elsewhere.")),
      card("Page views by class, last hour", shares(robots, CLASSES, "Page views by class of agent") || empty("None.")),
    ),
    card(
      "Incidents of the last day",
      numbers.incidents.length
        ? table(
            [["Time", "whole"], ["Severity"], ["Rule", "whole"], ["Subject"], ["Details", "long"]],
            numbers.incidents.map((one) => [time(one.time), one.severity, one.rule, one.subject, el("span", {}, one.details, one.over ? el("span", { class: "note" }, ` over ${time(one.over)}`) : null)]),
            "Incidents of the last day",
          )
        : empty("None."),
    ),
    card("Hourly balance", drawBalance(numbers.balance)),
  ];
}

function drawBalance(balance) {
  if (!balance) return empty("No hour is compared yet. The first one is, some minutes after it is over.");
  const verdicts = {
    Balanced: ["Balanced: what arrived, what was counted and what stands in tables and archive are equal", "good", "✓"],
    Different: [`Different: ${balance.reasons.join(", ")}`, "bad", "!"],
    Unknown: [`Unknown: ${balance.reasons.join(", ")}`, "busy", "?"],
  };
  const differences = Object.entries(balance.differences).map(([name, count]) => `${name} ${count > 0 ? "+" : ""}${number.format(count)}`);
  return el(
    "div",
    {},
    el("p", {}, badge(verdicts[balance.verdict] || [balance.verdict, "busy", "?"])),
    el("p", { class: "note" }, `hour from ${time(`${balance.hour}:00`)}`, differences.length ? `; ${differences.join(", ")}` : ""),
  );
}

function drawState(state) {
  const parts = state.parts.map((part) =>
    el(
      "details",
      { open: part.resources.some((one) => one.state !== "Ready" || one.drift) },
      el("summary", {}, part.name, " ", badge(partHealth(part.resources))),
      table(
        [["Resource", "whole"], ["Kind", "whole"], ["Name in AWS", "long"], ["State", "long"]],
        part.resources.map((one) => [one.name, one.kind, el("code", {}, one.physicalName), el("span", {}, badge(stateOf(one)), one.says ? el("span", { class: "note" }, " ", one.says) : null)]),
        `Resources of ${part.name}`,
      ),
    ),
  );
  const conditions = state.conditions.map((one) => [one.type, one.status, one.reason, one.message || ""]);
  const plan = state.plan
    ? card(
        "Plan that waits",
        el("p", {}, state.plan.summary, state.plan.costPerMonth ? `; ${state.plan.costPerMonth}` : ""),
        table([["Action"], ["Resource", "whole"], ["Field", "whole"], ["Now", "long"], ["Then", "long"]], state.plan.changes.map((one) => [one.action, one.resource, one.field, one.old, one.new]), "Changes of the plan"),
        el("pre", {}, `kubectl clickstream approve ${state.name} -n ${state.namespace}`),
      )
    : null;
  return [
    plan,
    card("AWS resources", ...(parts.length ? parts : [empty("None yet.")])),
    card("Conditions", table([["Type", "whole"], ["Status"], ["Reason", "whole"], ["Message", "long"]], conditions, "Conditions")),
    card(
      "Recent Events",
      state.events.length
        ? table([["Time", "whole"], ["Type"], ["Reason", "whole"], ["Message", "long"]], state.events.map((one) => [time(one.time), one.type, one.reason, one.count > 1 ? `${one.note} (${one.count} times)` : one.note]), "Recent Events")
        : empty("Kubernetes has none of the last hour."),
    ),
  ];
}

const stateOf = (one) => (one.drift ? ["Drifted", "bad", "≠"] : one.state === "Ready" ? ["Ready", "good", "✓"] : [one.state, one.state === "Failed" ? "bad" : "busy", one.state === "Failed" ? "!" : "…"]);

function partHealth(resources) {
  const worst = resources.find((one) => one.drift || one.state === "Failed") || resources.find((one) => one.state !== "Ready");
  return worst ? stateOf(worst) : ["Ready", "good", "✓"];
}

function drawPipeline(namespace, name, { state, numbers, errors }) {
  document.title = `${name} – clickstream`;
  where.replaceChildren(el("a", { href: "#/" }, "pipelines"), ` / ${namespace} / ${name}`);
  // What a person has opened or closed, and where the keyboard is, stays as it is.
  const opened = new Map([...main.querySelectorAll("details")].map((one) => [one.querySelector("summary").firstChild.textContent, one.open]));
  const focused = document.activeElement && main.contains(document.activeElement) ? document.activeElement.textContent : null;
  const known = state && state.name;
  main.replaceChildren(
    ...[
      el("h1", {}, name, " ", known ? badge(health(state)) : null),
      known && state.message ? el("p", { class: "message" }, state.message) : null,
      known ? el("p", { class: "note" }, [state.account && `account ${state.account}`, state.region, state.estimatedMonthlyCost && `${dollars(state.estimatedMonthlyCost)} a month`, state.lastVerified && `compared with AWS ${time(state.lastVerified)}`].filter(Boolean).join(" · ")) : null,
      ...errors.map((text) => el("p", { class: "error", role: "alert" }, text)),
      ...(numbers ? drawNumbers(numbers) : known ? [empty("The operator has not decided yet where this pipeline is; numbers come then.")] : []),
      ...(known ? drawState(state) : []),
    ].filter(Boolean),
  );
  for (const one of main.querySelectorAll("details")) {
    const was = opened.get(one.querySelector("summary").firstChild.textContent);
    if (was !== undefined) one.open = was;
  }
  if (focused !== null) {
    const again = [...main.querySelectorAll("summary, a, [tabindex]")].find((one) => one.textContent === focused);
    if (again) again.focus({ preventScroll: true });
  }
}

let shown = null;
let draw = () => {};

function take(message) {
  if (message.url !== shown) return;
  if (message.ended) {
    fresh.textContent = "Signed out or ended: run kubectl clickstream ui again.";
    fresh.className = "lost";
  } else if (message.lost) {
    fresh.textContent = "Connection lost; trying again…";
    fresh.className = "lost";
  } else {
    fresh.textContent = `as of ${new Intl.DateTimeFormat(undefined, { timeStyle: "medium" }).format(new Date())}`;
    fresh.className = "";
    draw(message.document);
  }
}

// Without shared workers each tab has a connection of its own.
const worker = "SharedWorker" in window ? new SharedWorker("/assets/stream.js") : null;
let own = null;

function watch(url) {
  shown = url;
  if (worker) {
    worker.port.postMessage({ url });
    return;
  }
  if (own) own.close();
  own = new EventSource(url);
  own.onmessage = (event) => take({ url, document: JSON.parse(event.data) });
  own.onerror = () => take({ url, lost: true, ended: own.readyState === EventSource.CLOSED });
}

function route() {
  const [, namespace, name] = location.hash.split("/");
  main.replaceChildren(empty("Reading…"));
  if (namespace && name) {
    draw = (found) => drawPipeline(namespace, name, found);
    watch(`/api/pipelines/${encodeURIComponent(namespace)}/${encodeURIComponent(name)}`);
  } else {
    draw = drawList;
    watch("/api/pipelines");
  }
}

if (worker) {
  worker.port.onmessage = ({ data }) => take(data);
  worker.port.start();
  addEventListener("pagehide", () => worker.port.postMessage({ url: null }));
  addEventListener("pageshow", (event) => event.persisted && route());
}
addEventListener("hashchange", route);
route();
