// What concerns the whole page: Simple and Expert, light and dark, the strip of running jobs, news for screen readers,
// beginning anew. What is remembered here stands in localStorage under names that begin with "playground".
(() => {
  const root = document.documentElement;
  const TASKS = ["text_generation", "text_to_image", "image_to_image", "inpainting", "super_resolution", "text_to_speech"];
  const recalled = (name) => { try { return localStorage.getItem(`playground-${name}`); } catch { return null; } };
  const keep = (name, value) => { try { localStorage.setItem(`playground-${name}`, value); } catch { /* not allowed: for this time only */ } };
  const tabs = () => [...document.querySelectorAll("#pg-tabs [role=tablist] [role=tab]")];
  const openTask = () => TASKS[tabs().findIndex((tab) => tab.ariaSelected === "true")];

  // What the other scripts use too: the tabs, the task of the open one, and an element with what is inside it.
  window.pgTabs = tabs;
  window.pgTask = openTask;
  window.pgMake = (name, properties, ...inside) => {
    const made = Object.assign(document.createElement(name), properties);
    made.append(...inside);
    return made;
  };

  function mode(expert) {
    root.classList.toggle("pg-expert", expert);
    document.getElementById("pg")?.classList.toggle("pg-simple", !expert);  // Gradio keeps no rule about html in @media
    document.getElementById("pg-mode")?.setAttribute("aria-checked", String(expert));
  }
  function shade(dark) {
    document.body?.classList.toggle("dark", dark);
    root.style.colorScheme = dark ? "dark" : "light";
  }
  mode(recalled("mode") === "expert");

  window.pgOpen = (task) => tabs()[TASKS.indexOf(task)]?.click();
  window.pgReset = ({ demo = false } = {}) => {
    sessionStorage.setItem("playground-again", demo ? "?demo" : "");
    document.getElementById("pg-forget")?.click();
  };
  window.pgReload = () => {
    for (const name of Object.keys(localStorage)) {
      if (name.startsWith("playground-") && !["playground-mode", "playground-shade"].includes(name)) localStorage.removeItem(name);
    }
    location.href = location.pathname + (sessionStorage.getItem("playground-again") || "");
  };

  document.addEventListener("click", (event) => {
    const button = event.target.closest?.("#pg-mode, #pg-shade");
    if (button?.id === "pg-mode") {
      const expert = !root.classList.contains("pg-expert");
      mode(expert);
      keep("mode", expert ? "expert" : "simple");
    } else if (button) {
      const dark = !document.body.classList.contains("dark");
      shade(dark);
      keep("shade", dark ? "dark" : "light");
    }
  });

  // A screen reader is told when a run begins, waits, ends or fails, in whichever tab, but not of every step.
  let live, told = "";
  function tell(text) {
    if (!live) {
      live = pgMake("div", { id: "pg-live", className: "pg-unseen" });
      live.setAttribute("role", "status");
      document.body.append(live);
    }
    if (text && text !== told) live.textContent = told = text;
  }
  // The tab that was open is opened again, once Gradio has built the tabs.
  let opened = false;
  function reopen() {
    if (opened || !tabs().length) return;
    opened = true;
    const kept = recalled("tab");
    if (TASKS.includes(kept) && kept !== openTask()) window.pgOpen(kept);
  }
  // Gradio calls the canvas to paint on a place to upload to, and gives it no role.
  function name() {
    const canvas = document.querySelector("#inpainting-editor [aria-dropeffect]:not([role])");
    canvas?.setAttribute("role", "group");
    canvas?.setAttribute("aria-label", pgSay("page.canvas"));
  }
  const news = new Map();
  function listen() {
    reopen();
    name();
    const open = openTask();
    if (open && document.body.dataset.task !== open) {
      document.body.dataset.task = open;
      keep("tab", open);
    }
    document.querySelector(`#${open}-run .pg-run:not(.pg-busy)`)?.classList.add("pg-seen");
    const status = document.querySelector(`#${open}-status`), box = status?.getBoundingClientRect();
    const here = !!box && box.top >= 0 && box.bottom <= innerHeight;
    for (const task of TASKS) {
      document.querySelector(`#${task}-run`)?.toggleAttribute("data-here", task === open && here);
      const line = document.querySelector(`#${task}-run .pg-run`) ?? document.querySelector(`#${task}-status .pg-status`);
      if (!line) continue;
      const kind = line.classList.contains("pg-busy") ? "busy" : line.classList.contains("pg-error") ? "error"
        : line.classList.contains("pg-done") ? "done" : "calm";
      const before = news.get(task);
      news.set(task, kind);
      if (before === undefined || before === kind) continue;
      tell(`${tabs()[TASKS.indexOf(task)]?.textContent.trim()}: ${line.querySelector("span")?.textContent ?? ""}`);
      if (kind === "error" && task === open && box && !here) status.scrollIntoView({ block: "center" });
      if ((kind === "busy" || kind === "done") && task === open) reveal(task);
    }
  }
  // A run that begins brings its result into sight where less than half of it can be seen.
  function reveal(task) {
    const box = document.querySelector(`#${task}-result`)?.getBoundingClientRect();
    if (!box) return;
    const seen = Math.min(box.bottom, innerHeight) - Math.max(box.top, 0);
    if (seen > Math.min(box.height, innerHeight) / 2) return;
    const calm = matchMedia("(prefers-reduced-motion: reduce)").matches;
    const top = document.querySelector(innerWidth > 640 ? `#${task}-result` : `#${task}-status`);
    top?.scrollIntoView({ block: "start", behavior: calm ? "auto" : "smooth" });
  }
  function begin() {
    const kept = recalled("shade");
    if (kept && !/__theme=/.test(location.search)) shade(kept === "dark");
    let asked = false;
    const look = () => {
      if (asked) return;
      asked = true;
      requestAnimationFrame(() => {
        asked = false;
        mode(root.classList.contains("pg-expert"));
        listen();
      });
    };
    addEventListener("scroll", look, { passive: true });
    addEventListener("resize", look);
    new MutationObserver(look).observe(document.body, { childList: true, subtree: true, attributes: true, attributeFilter: ["aria-selected"], characterData: true });
  }
  if (document.body) begin();
  else addEventListener("DOMContentLoaded", begin);
  addEventListener("keydown", (event) => {
    if (event.key === "Escape") document.querySelectorAll("audio").forEach((player) => player.pause());
  });
})();
