// Live pages. The server's own page is the only truth: when something has happened, it is fetched
// again, and each element with an id and `data-live` takes its new content. Without a stream (too
// many watch, or none is named) the page is asked for every few seconds. What a person is filling
// in is never swapped.

const body = document.body;
const lost = document.getElementById("lost");
const SOONEST = 700; // ms between two fetches, however many events come
const SHARED = 900; // ms: the server shows one look to all who ask meanwhile, also an older one
const POLL = 1000 * (Number(body.dataset.refresh) || 5);
const PATIENCE = 15000; // ms: an answer that never comes keeps no later one from being asked for
const STREAM_AGAIN = 30000; // ms until a stream that was refused is asked for again

let waiting = null;
let fetching = false;
let again = false;
let fetchedAt = -Infinity;
let heardAt = -Infinity;

function show(reachable) {
  if (lost) lost.hidden = reachable;
}

function isBeingFilledIn(element) {
  const active = document.activeElement;
  return Boolean(active && active !== body && element.contains(active)
    && active.matches("input, select, textarea"));
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
  const asked = performance.now();
  try {
    const answer = await fetch(location.href, {
      headers: { Accept: "text/html" },
      credentials: "same-origin",
      cache: "no-store",
      signal: AbortSignal.timeout(PATIENCE),
    });
    show(true);
    if (answer.redirected && new URL(answer.url).pathname !== location.pathname) {
      location.assign(answer.url); // signed out, or the work has gone on to another page
      return;
    }
    if (answer.ok) swap(new DOMParser().parseFromString(await answer.text(), "text/html"));
  } catch {
    show(false);
  } finally {
    fetching = false;
    fetchedAt = performance.now();
    if (again || heardAt > asked - SHARED) { // what was heard of may not be on the page yet
      again = false;
      plan(SHARED);
    }
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

let polling = null;

function poll(on) {
  if (on && !polling) polling = setInterval(load, POLL);
  if (!on && polling) {
    clearInterval(polling);
    polling = null;
  }
}

function listen(address) {
  const source = new EventSource(address);
  source.onopen = () => {
    show(true);
    soon(); // what happened while nobody listened
  };
  source.onmessage = soon;
  source.onerror = () => {
    poll(true);
    soon(); // is it the stream alone, or the laptop?
    if (source.readyState !== EventSource.CLOSED) return; // the browser tries again by itself
    setTimeout(() => listen(address), STREAM_AGAIN);
  };
  addEventListener("pagehide", () => source.close(), { once: true });
}

if (document.querySelector("[data-live][id]")) {
  if (body.dataset.stream) listen(body.dataset.stream);
  // Not where an error is shown: what was typed stays. Beside a stream too: on a laptop that had
  // much to do, a page was seen that stayed as it was though an event had come.
  if (body.dataset.refresh) poll(true);
  addEventListener("online", load);
  document.addEventListener("visibilitychange", () => {
    if (!document.hidden) load();
  });
}
addEventListener("pageshow", (event) => {
  if (event.persisted) location.reload(); // from the browser's memory: it may be old
});

// A refused form: the list of its problems is where reading goes on.
document.getElementById("problems")?.focus();
