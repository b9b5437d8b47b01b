// Live pages. The server's own page is the only truth: when something has happened, it is fetched
// again, and each element with an id and `data-live` takes its new content. Without a stream (too
// many watch, or none is named) the page is asked for every few seconds. What a person is filling
// in is never swapped.
//
// A browser has six connections to one server, and a stream holds one for minutes: of all pages of
// a browser that are seen, one has the stream (it holds a lock) and tells the others.

const body = document.body;
const lost = document.getElementById("lost");
const SOONEST = 700; // ms between two fetches, however many events come
const SHARED = 900; // ms: the server shows one look to all who ask meanwhile, also an older one
const POLL = 1000 * (Number(body.dataset.refresh) || 5);
const PATIENCE = 30000; // ms: an answer that never comes keeps no later one from being asked for
const RETRY = 3000; // ms after an answer that was none: what was heard of is still not on the page
const STREAM_AGAIN = 30000; // ms until a stream that was refused is asked for again

let waiting = null;
let fetching = false;
let again = false;
let fetchedAt = -Infinity;
let heardAt = -Infinity;

function show(reachable) {
  if (lost) lost.hidden = reachable;
}

function isChanged(control) {
  if (control.matches("[type=radio], [type=checkbox]")) return control.checked !== control.defaultChecked;
  if (!control.matches("select")) return control.value !== control.defaultValue;
  const said = [...control.options].findIndex((each) => each.defaultSelected);
  return control.selectedIndex !== Math.max(0, said);
}

// A disk that was chosen would be another one again, between the choice and the button.
function isBeingFilledIn(element) {
  const active = document.activeElement;
  if (active && element.contains(active) && active.matches("input, select, textarea")) return true;
  return [...element.querySelectorAll("input, select, textarea")].some(isChanged);
}

function keepOpen(from, to) {
  for (const each of from.querySelectorAll("details[id]")) {
    const fresh = to.querySelector(`#${CSS.escape(each.id)}`);
    if (fresh) fresh.open = each.open;
  }
}

function swap(fresh) {
  for (const element of document.querySelectorAll("[data-live][id]")) {
    const other = fresh.getElementById(element.id);
    if (!other || element.innerHTML === other.innerHTML || isBeingFilledIn(element)) continue;
    const focused = element.contains(document.activeElement) ? document.activeElement.id : "";
    keepOpen(element, other);
    element.replaceChildren(...document.importNode(other, true).childNodes);
    if (focused) document.getElementById(focused)?.focus();
  }
  if (fresh.title) document.title = fresh.title;
}

async function load() {
  if (fetching) {
    again = true;
    return;
  }
  fetching = true;
  let answered = false;
  const asked = performance.now();
  try {
    const answer = await fetch(location.href, {
      headers: { Accept: "text/html" },
      credentials: "same-origin",
      cache: "no-store",
      signal: AbortSignal.timeout?.(PATIENCE), // not in browsers of before 2022
    });
    show(true);
    if (answer.redirected && new URL(answer.url).pathname !== location.pathname) {
      location.assign(answer.url); // signed out, or the work has gone on to another page
      return;
    }
    if (answer.ok) swap(new DOMParser().parseFromString(await answer.text(), "text/html"));
    answered = answer.ok;
  } catch {
    show(false);
  } finally {
    fetching = false;
    fetchedAt = performance.now();
    if (!answered) plan(RETRY);
    else if (again || heardAt > asked - SHARED) plan(SHARED); // it may not be on the page yet
    again = false;
  }
}

function soon() {
  heardAt = performance.now();
  plan(0);
}

function plan(least) {
  if (waiting) return;
  const pause = Math.max(least, SOONEST - (performance.now() - fetchedAt));
  waiting = setTimeout(() => {
    waiting = null;
    load();
  }, pause);
}

const pages = "BroadcastChannel" in window ? new BroadcastChannel("bridgehead") : null;
const canShare = Boolean(pages && navigator.locks); // locks are there on loopback and with TLS
let source = null;
let later = null;
let turn = null; // an AbortController: this page waits to have the stream
let release = null; // gives the stream to another page

function heard() {
  soon();
  pages?.postMessage("heard");
}

function connect(address) {
  source = new EventSource(address);
  source.onopen = () => {
    show(true);
    heard(); // what happened while nobody listened
  };
  source.onmessage = heard;
  source.onerror = () => {
    soon(); // is it the stream alone, or the laptop?
    if (source?.readyState !== EventSource.CLOSED) return; // the browser tries again by itself
    later = setTimeout(() => connect(address), STREAM_AGAIN);
  };
}

function listen(address) {
  if (turn || source) return;
  if (!canShare) return connect(address);
  turn = new AbortController();
  const mine = turn;
  navigator.locks
    .request("bridgehead-stream", { signal: mine.signal }, () => {
      if (mine.signal.aborted) return null;
      connect(address);
      return new Promise((resolve) => (release = resolve));
    })
    .catch(() => {}); // it was left before its turn came
}

function leave() {
  clearTimeout(later);
  source?.close();
  turn?.abort();
  release?.();
  source = turn = release = null;
}

if (body.dataset.refresh && document.querySelector("[data-live][id]")) {
  // Not where an error is shown: what was typed stays. Beside a stream too: no event tells that
  // time goes on, and that something is late.
  setInterval(load, POLL);
  const address = body.dataset.stream;
  if (address && !document.hidden) listen(address);
  if (address && canShare) pages.onmessage = () => document.hidden || soon();
  addEventListener("pagehide", leave);
  addEventListener("online", load);
  document.addEventListener("visibilitychange", () => {
    if (document.hidden) leave();
    else if (address) listen(address);
    if (!document.hidden) load();
  });
}
addEventListener("pageshow", (event) => {
  if (event.persisted) location.reload(); // from the browser's memory: it may be old
});

// A refused form: the list of its problems is where reading goes on.
document.getElementById("problems")?.focus();
