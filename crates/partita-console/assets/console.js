// Keeps the page live. Without it the page is whole, and "Refresh" shows what changed.

const main = document.getElementById("main");
const word = document.getElementById("live");
const skew = Date.now() - Number(main.dataset.now);
const AGAIN_MS = 5000;

let last = main.dataset.last;
let source = null;
let timer = 0;

function say(text, state) {
  if (word.textContent === text) return;
  word.textContent = text;
  word.dataset.state = state;
}

function parse(html) {
  const template = document.createElement("template");
  template.innerHTML = html;
  return template.content.firstElementChild;
}

// The keyboard stays on its link when the part around it is replaced.
function swap(old, fresh) {
  const active = old.contains(document.activeElement) ? document.activeElement : null;
  const href = active?.getAttribute("href");
  old.replaceWith(fresh);
  if (href) fresh.querySelector(`a[href="${CSS.escape(href)}"]`)?.focus({ preventScroll: true });
}

function replace(html) {
  const fresh = parse(html);
  const old = document.getElementById(fresh.id);
  if (old) swap(old, fresh);
}

function row(html) {
  const fresh = parse(html);
  const old = document.getElementById(fresh.id);
  fresh.classList.add("fresh");
  if (old) return swap(old, fresh);
  const above = document.getElementById(fresh.dataset.after);
  if (above) above.after(fresh);
  else document.querySelector("#list tbody")?.prepend(fresh);
}

const actions = {
  banner: replace,
  counts: replace,
  list: replace,
  pager: replace,
  saga: replace,
  row,
  gone: (id) => document.getElementById(id)?.remove(),
};

function close() {
  clearTimeout(timer);
  source?.close();
  source = null;
}

function connect() {
  close();
  source = new EventSource(`${main.dataset.live}&last=${encodeURIComponent(last)}`);
  source.onopen = () => say("live", "on");
  source.onerror = () => {
    if (source?.readyState !== EventSource.CLOSED) return say("reconnecting", "off");
    say("not live", "off");
    timer = setTimeout(connect, AGAIN_MS);
  };
  for (const [kind, act] of Object.entries(actions)) {
    source.addEventListener(kind, (event) => {
      act(event.data);
      last = event.lastEventId || last;
      tick();
    });
  }
}

// The same words as on the server.
function age(ms) {
  const seconds = Math.floor(ms / 1000);
  const [minutes, hours] = [Math.floor(seconds / 60), Math.floor(seconds / 3600)];
  if (minutes === 0) return `${seconds} s`;
  if (hours === 0) return `${minutes} min`;
  if (hours < 48) return `${hours} h ${minutes % 60} min`;
  return `${Math.floor(hours / 24)} d ${hours % 24} h`;
}

function tick() {
  const now = Date.now() - skew;
  for (const place of document.querySelectorAll("[data-at]")) {
    const passed = now - Number(place.dataset.at);
    if (place.dataset.say === "age") place.textContent = age(Math.max(passed, 0));
    else place.textContent = passed <= -1000 ? `in ${age(-passed)}` : `${age(Math.max(passed, 0))} ago`;
  }
}

document.documentElement.classList.add("js");
document.addEventListener("click", async (event) => {
  const button = event.target.closest?.("[data-copy]");
  if (!button) return;
  await navigator.clipboard.writeText(document.getElementById(button.dataset.copy).textContent);
  button.textContent = "Copied";
});
setInterval(tick, 1000);
if (main.dataset.live) {
  // A page that nobody sees gives its stream to another.
  document.addEventListener("visibilitychange", () => (document.hidden ? close() : connect()));
  addEventListener("pagehide", close);
  addEventListener("pageshow", (event) => event.persisted && connect());
  connect();
}
