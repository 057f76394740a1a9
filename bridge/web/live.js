// Draws what /live/events tells: a section for each function, a card for each subscription.

const SPANS = [60, 180, 360, 900]; // seconds that a chart shows: as few as hold all that is known
const UNKNOWN = "unknown";

// --- numbers as text

const digits = new Intl.NumberFormat("en", { maximumFractionDigits: 0 });

function rateText(value) {
  if (value === null) return "–";
  return `${value > 0 && value < 10 ? value.toFixed(1) : digits.format(value)}/s`;
}

function ageText(ms) {
  const s = Math.max(0, Math.floor(ms / 1000));
  const [min, h, d] = [Math.floor(s / 60), Math.floor(s / 3600), Math.floor(s / 86400)];
  if (s < 60) return `${s} s`;
  if (min < 10) return `${min} min ${s % 60} s`;
  if (h < 1) return `${min} min`;
  if (d < 1) return `${h} h ${min % 60} min`;
  return `${d} d ${h % 24} h`;
}

const spanText = (s) => (s % 60 ? `${s} s` : `${s / 60} min`);

function bytesText(n) {
  const units = ["B", "KiB", "MiB", "GiB", "TiB"];
  let i = 0;
  for (; n >= 1024 && i < units.length - 1; i++) n /= 1024;
  return `${n < 10 && i > 0 ? n.toFixed(1) : digits.format(n)} ${units[i]}`;
}

const valueText = (value) => (typeof value === "number" ? digits.format(value) : (value ?? ""));

// --- the page's elements

const element = (id) => document.getElementById(id);
const fromTemplate = (id) => element(id).content.firstElementChild.cloneNode(true);

function setText(node, text) {
  if (node.textContent !== text) node.textContent = text;
}

// Text only, ever: names of topics, errors and ids are whatever somebody chose to send.
function fill(root, values) {
  for (const node of root.querySelectorAll("[data-is]")) {
    const value = values[node.dataset.is];
    if (value === undefined) continue;
    setText(node, valueText(value));
    if (node.dataset.state !== undefined) node.dataset.state = value;
    if (node.dataset.warn !== undefined) node.classList.toggle("some", value > 0);
  }
}

function setBar(root, name, part, whole) {
  root.querySelector(`[data-bar=${name}]`).style.inlineSize = `${whole ? Math.min(100, (100 * part) / whole) : 0}%`;
}

// As many rows as things, made of a template; those that are there are used again.
function fillRows(body, template, things, values) {
  while (body.rows.length > things.length) body.lastElementChild.remove();
  while (body.rows.length < things.length) body.append(fromTemplate(template));
  things.forEach((thing, i) => fill(body.rows[i], values(thing)));
}

// --- what changed, for those who hear the page

class Herald {
  constructor(node) {
    this.node = node;
    this.known = new Map();
    this.news = [];
  }

  // The first look is no news.
  tell(key, state, text) {
    const before = this.known.get(key);
    this.known.set(key, state);
    if (before !== undefined && before !== state) this.news.push(text);
  }

  // All of one look at once: a second text would take the place of the first before it was read.
  speak() {
    if (this.news.length) this.node.textContent = this.news.splice(0).join(". ");
  }
}

// --- the chart

function niceMost(value) {
  const step = 10 ** Math.floor(Math.log10(Math.max(value, 1)));
  return Math.max(10, step * [1, 2, 5, 10].find((factor) => factor * step >= value));
}

class Chart {
  constructor(figure) {
    this.lag = [];
    this.plot = figure.querySelector(".plot");
    this.range = figure.querySelector("input");
    this.read = figure.querySelector(".read");
    this.axis = figure.querySelector(".axis");
    this.seen = false;
    new IntersectionObserver(([entry]) => {
      this.seen = entry.isIntersecting;
      this.draw();
    }).observe(figure);
    this.range.addEventListener("input", () => this.drawCursor());
    this.range.addEventListener("focus", () => this.drawCursor());
    for (const name of ["blur", "pointerleave"]) this.range.addEventListener(name, () => this.leave());
    this.range.addEventListener("pointermove", (event) => this.point(event));
  }

  replace(history) {
    this.lag = history;
    this.fit();
  }

  add(lag) {
    this.lag.push(lag);
    if (this.lag.length > SPANS.at(-1)) this.lag.shift();
    this.fit();
  }

  fit() {
    const span = SPANS.find((seconds) => seconds >= this.lag.length) ?? SPANS.at(-1);
    if (span !== this.span) this.setSpan(span);
    this.draw();
  }

  setSpan(span) {
    this.span = span;
    this.plot.querySelector("svg").setAttribute("viewBox", `0 0 ${span} 100`);
    this.range.max = span - 1;
    this.range.value = span - 1;
    [...this.axis.children].slice(0, 3).forEach((tick, i) => setText(tick, spanText((span * (3 - i)) / 3)));
  }

  path(name, text) {
    this.plot.querySelector(`path.${name}`).setAttribute("d", text);
  }

  // Runs of points of one sort, as [first, last] places on the axis; a gap is a gap, never a line at zero.
  runs(isKnown) {
    const from = this.span - this.lag.length;
    const found = [];
    this.lag.forEach((lag, i) => {
      const last = found.at(-1);
      if ((lag !== null) !== isKnown) return;
      if (last?.[1] === from + i - 1) last[1] = from + i;
      else found.push([from + i, from + i]);
    });
    return found;
  }

  at(place) {
    return this.lag[place - (this.span - this.lag.length)];
  }

  draw() {
    if (!this.seen) return;
    const most = niceMost(Math.max(0, ...this.lag));
    const y = (place) => (100 - (94 * this.at(place)) / most).toFixed(1);
    const known = this.runs(true);
    const line = ([from, to]) => {
      let text = `M${from} ${y(from)}`;
      for (let place = from + 1; place <= to; place++) text += `L${place} ${y(place)}`;
      return `${text}H${to + 1}`;
    };
    this.path("line", known.map(line).join(""));
    this.path("area", known.map((run) => `${line(run)}V100H${run[0]}Z`).join(""));
    this.path("unknown", this.runs(false).map(([from, to]) => `M${from} 0H${to + 1}V100H${from}Z`).join(""));
    setText(this.plot.querySelector(".most"), digits.format(most));
    this.drawCursor();
  }

  point(event) {
    const box = this.range.getBoundingClientRect();
    this.range.value = Math.round(((event.clientX - box.left) / box.width) * (this.span - 1));
    this.pointed = true;
    this.drawCursor();
  }

  leave() {
    this.pointed = false;
    this.range.value = this.span - 1;
    this.drawCursor();
  }

  drawCursor() {
    const place = Number(this.range.value);
    const lag = this.at(place);
    const read = this.pointed || document.activeElement === this.range;
    const ago = this.span - 1 - place;
    const value = lag === undefined ? "before this process" : lag === null ? UNKNOWN : digits.format(lag);
    const text = `${ago ? `${ageText(ago * 1000)} ago` : "now"}: ${value}`;
    this.path("cursor", read ? `M${place + 0.5} 0V100` : "");
    this.range.setAttribute("aria-valuetext", text);
    setText(this.read, read ? text : "");
  }
}

// --- one subscription

// Quicker with more events, by their order of magnitude: a thousandfold is still a picture.
function setPipe(pipe, rate) {
  const order = Math.log10(1 + (rate ?? 0));
  pipe.classList.toggle("still", !rate);
  pipe.style.setProperty("--dot", `${(1.25 + 0.5 * order).toFixed(2)}px`);
  const [drift] = pipe.querySelector("i").getAnimations(); // none for who wants no motion
  drift?.updatePlaybackRate(rate ? 0.6 + 1.6 * order : 0);
}

// What is wrong with it, the worst first: [how bad, the words].
function troubleOf(s) {
  if (s.drift) return ["bad", `${digits.format(s.drift)} unaccounted for`];
  if (s.held) return ["bad", `${digits.format(s.held)} held`];
  if (s.down) return ["bad", "not there"];
  if (!s.wanted) return ["", "not asked for"];
  if (s.backoff) return ["warn", "trying again"];
  return ["", ""];
}

class SubscriptionView {
  constructor(s, functionName) {
    this.root = fromTemplate("subscription");
    this.functionName = functionName;
    this.chart = new Chart(this.root.querySelector(".chart"));
    this.name = `${s.topic || s.component} to ${s.route}`;
    this.root.setAttribute("aria-label", this.name);
    this.parts = [...this.root.querySelectorAll("[data-part]")];
  }

  drawParts(s) {
    for (const part of this.parts) {
      const n = s[part.dataset.part];
      part.hidden = n === 0;
      if (part.tagName === "I") part.style.flexGrow = n;
    }
  }

  drawReasons(s, now) {
    const reasons = s.reasons.sort((a, b) => b.at - a.at);
    const box = this.root.querySelector(".reasons");
    box.hidden = reasons.length === 0;
    fillRows(box.querySelector("tbody"), "reason", reasons, (r) => ({ ...r, age: `${ageText(now - r.at)} ago` }));
  }

  drawTrouble(s) {
    const pill = this.root.querySelector(".trouble");
    const [state, text] = troubleOf(s);
    pill.hidden = !text;
    pill.dataset.state = state;
    setText(pill, text);
  }

  draw(s, now) {
    fill(this.root, {
      ...s,
      topic: s.topic || s.component,
      component: `source ${s.component}`,
      function: `function ${this.functionName}`,
      lag: s.lag ?? UNKNOWN,
      rate_in: rateText(s.rate_in),
      rate_out: rateText(s.rate_out),
    });
    this.drawTrouble(s);
    this.root.classList.toggle("blind", s.lag === null);
    setPipe(this.root.querySelector("[data-pipe=in]"), s.rate_in);
    setPipe(this.root.querySelector("[data-pipe=out]"), s.rate_out);
    this.drawParts(s);
    this.drawReasons(s, now);
    if (s.history) this.chart.replace(s.history);
    else this.chart.add(s.lag);
  }
}

// --- one function

function componentValues(c) {
  const next = c.retry_ms === null ? "it goes on trying by itself" : `next try in ${ageText(c.retry_ms + 999)}`;
  return { ...c, age: c.for_ms === null ? "" : ageText(c.for_ms), error: c.error && `${c.error}; ${next}` };
}

class FunctionView {
  constructor(f, number) {
    this.root = fromTemplate("function");
    this.name = f.name;
    this.root.id = `function-${number}`;
    this.root.setAttribute("aria-label", `Function ${f.name}`);
    this.subscriptions = new Map();
  }

  view(s) {
    const key = JSON.stringify([s.component, s.topic, s.route]);
    if (!this.subscriptions.has(key)) {
      this.subscriptions.set(key, new SubscriptionView(s, this.name));
      this.root.querySelector(".subscriptions").append(this.subscriptions.get(key).root);
    }
    return this.subscriptions.get(key);
  }

  drawFacts(f) {
    const learned = f.limit < f.capacity ? `, learned of ${digits.format(f.capacity)}` : "";
    fill(this.root.querySelector("header"), f);
    fill(this.root.querySelector(".meters"), {
      load: f.capacity ? `${digits.format(f.sending)} of ${digits.format(f.limit)}${learned}` : "not reachable",
      buffered: `${digits.format(f.events)} of ${digits.format(f.events_max)}`,
      bytes: `${bytesText(f.bytes)} of ${bytesText(f.bytes_max)}`,
    });
    setBar(this.root, "load", f.sending, f.limit);
    setBar(this.root, "buffered", f.events, f.events_max);
    setBar(this.root, "bytes", f.bytes, f.bytes_max);
    fillRows(this.root.querySelector(".components tbody"), "component", f.components, componentValues);
  }

  tell(herald, f) {
    herald.tell(`f ${f.name}`, f.state, `function ${f.name}: ${f.state}`);
    for (const c of f.components)
      herald.tell(`c ${f.name} ${c.name}`, c.state, `component ${c.name}: ${c.state}${c.error ? `, ${c.error}` : ""}`);
    for (const s of f.subscriptions)
      herald.tell(`s ${f.name} ${s.component} ${s.topic} ${s.route}`, s.held > 0,
        s.held ? `${s.topic || s.component}: events are held` : `${s.topic || s.component}: no event is held any more`);
  }

  draw(f, now, herald) {
    this.drawFacts(f);
    for (const s of f.subscriptions) this.view(s).draw(s, now);
    this.tell(herald, f);
  }
}

// --- the page

class Page {
  constructor(herald) {
    this.herald = herald;
    this.nav = document.querySelector("nav.functions");
    this.functions = new Map();
  }

  view(f) {
    if (!this.functions.has(f.name)) {
      this.functions.set(f.name, new FunctionView(f, this.functions.size + 1));
      element("main").append(this.functions.get(f.name).root);
      this.link(f);
    }
    return this.functions.get(f.name);
  }

  link(f) {
    const a = document.createElement("a");
    a.href = `#function-${this.functions.size}`;
    a.textContent = f.name;
    this.nav.append(a);
    this.nav.hidden = this.functions.size < 2;
  }

  // Another process on the same port may have other functions.
  forget(snapshot) {
    if (this.started === snapshot.started) return;
    this.started = snapshot.started;
    element("main").replaceChildren();
    this.nav.replaceChildren();
    this.functions.clear();
  }

  draw(snapshot) {
    this.forget(snapshot);
    fill(document.querySelector(".top"), { version: snapshot.version, uptime: ageText(snapshot.uptime_ms) });
    for (const f of snapshot.functions) this.view(f).draw(f, snapshot.time, this.herald);
    const [first, second] = snapshot.functions;
    document.title = `${second ? `${snapshot.functions.length} functions` : first.name} · bridge`;
  }
}

// --- the stream

const SILENCE_MS = 5000;
const AGAIN_MS = 1000;

// Ends, refusals and silence are one thing: begin anew in a moment.
class Stream {
  constructor(page, herald) {
    this.page = page;
    this.herald = herald;
  }

  say(state) {
    const pill = element("stream");
    setText(pill, state);
    pill.dataset.state = state;
    document.body.classList.toggle("stale", state !== "live");
    this.herald.tell("stream", state, `this page is ${state}`);
    this.herald.speak();
  }

  open() {
    this.close();
    this.source = new EventSource("/live/events");
    this.source.addEventListener("snapshot", (event) => this.take(JSON.parse(event.data)));
    this.source.addEventListener("error", () => this.again());
    this.wait(SILENCE_MS);
  }

  take(snapshot) {
    this.wait(SILENCE_MS);
    this.page.draw(snapshot);
    this.say(snapshot.ended ? "ended" : "live");
  }

  wait(ms) {
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.again(), ms);
  }

  again() {
    this.close();
    this.say("reconnecting");
    this.timer = setTimeout(() => this.open(), AGAIN_MS);
  }

  close() {
    clearTimeout(this.timer);
    this.source?.close();
  }

  pause() {
    this.close();
    this.say("paused");
  }
}

function start() {
  const herald = new Herald(element("said"));
  const stream = new Stream(new Page(herald), herald);
  const button = element("pause");
  const paused = () => button.ariaPressed === "true";
  button.addEventListener("click", () => {
    button.ariaPressed = String(!paused());
    paused() ? stream.pause() : stream.open();
  });
  // A page nobody sees leaves its place to another; what it missed comes with the next beginning.
  document.addEventListener("visibilitychange", () => {
    if (!paused()) document.hidden ? stream.close() : stream.open();
  });
  stream.open();
}

start();
