// Hears the journal. Every event has a number; what was heard already is left out, and after a loss of contact the
// server is told the last number, so that nothing is missing. (EventSource sends it by itself while it tries again;
// once it has given up, only we know it.)
"use strict";
(() => {
  const MOST_SHOWN = 500;
  const AGAIN_MS = 2000;
  const SOON_MS = 500;
  let last = Number(document.body.dataset.after);
  const contact = document.getElementById("contact");
  if (!contact || Number.isNaN(last)) return;
  const list = document.getElementById("journal");
  const run = document.getElementById("run");
  const news = document.getElementById("news");

  const say = (words) => { if (contact.textContent !== words) contact.textContent = words; };

  const add = (event) => {
    const item = document.createElement("li");
    item.dataset.number = event.number;
    if (event.grave) item.className = "grave";
    const part = (name, words, kind) => {
      const made = document.createElement(name);
      made.textContent = words;
      if (kind) made.className = kind;
      item.append(made, " ");
      return made;
    };
    part("span", event.number, "number");
    part("time", event.at);
    if (!run) part("a", event.run).setAttribute("href", "/runs/" + encodeURIComponent(event.run));
    part("span", event.words);
    list.prepend(item);
    while (list.children.length > MOST_SHOWN) list.lastElementChild.remove();
  };

  // Parts are loaded anew a moment later, once for all that happens in it: the last event is never left out.
  const due = new Set();
  const soon = (name) => {
    if (due.has(name)) return;
    due.add(name);
    setTimeout(() => { due.delete(name); htmx.trigger(document.body, name); }, SOON_MS);
  };

  const take = (message) => {
    const event = JSON.parse(message.data);
    if (event.number <= last) return;
    last = event.number;
    const ours = !run || event.run === run.dataset.run;
    if (list && ours) {
      add(event);
      list.dataset.latest = last;
    }
    if (!ours) return;
    const whole = event.kind.startsWith("run.");
    if (whole || event.grave) news.textContent = event.words;
    soon("journal");
    if (whole || event.grave) soon("journal-run");
  };

  let source = null;
  const listen = () => {
    if (source || document.hidden) return;
    source = new EventSource("/events?after=" + last);
    source.addEventListener("journal", take);
    source.onopen = () => say("");
    source.onerror = () => {
      say("No contact with the server of this page; what you see may be old. Trying again.");
      if (source === null || source.readyState !== EventSource.CLOSED) return;
      source = null;
      fetch("/part", { headers: { accept: "application/json" } })
        .then((answer) => { if (answer.status === 401) location.assign("/login"); })
        .catch(() => {});
      setTimeout(listen, AGAIN_MS);
    };
  };
  const leave = () => {
    if (source) source.close();
    source = null;
  };
  // A browser has few connections to one server: a page that nobody sees keeps none, and has missed nothing afterwards.
  document.addEventListener("visibilitychange", () => { if (document.hidden) leave(); else listen(); });
  addEventListener("pagehide", leave);
  // What somebody has opened or pushed aside stays so when the part is loaded anew.
  let kept = [];
  document.body.addEventListener("htmx:beforeSwap", (event) => {
    kept = [...event.detail.target.querySelectorAll("details[id], .scroll[id]")]
      .map((each) => [each.id, each.open, each.scrollLeft]);
  });
  document.body.addEventListener("htmx:afterSwap", () => {
    for (const [id, open, left] of kept) {
      const again = document.getElementById(id);
      if (!again) continue;
      if (open) again.open = true;
      again.scrollLeft = left;
    }
  });
  document.body.addEventListener("said", (event) => { news.textContent = event.detail.value; });

  addEventListener("pageshow", (event) => { if (event.persisted) location.reload(); });
  listen();
})();
