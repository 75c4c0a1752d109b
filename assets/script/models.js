// The panel of models: opens it, filters its list, keeps it up to date while it is open, and tells the server what is
// clicked. The server writes what is shown into hidden parts of the page; here it is brought into the dialog piece by
// piece, so that neither the focus nor a click under way is lost.
(() => {
  const EVERY = 1000;  // milliseconds between looks while it is open
  const answers = new Map();  // what stands in a row in the place of its buttons until it is closed, by the model's id
  const part = (name) => document.getElementById(`pg-models-${name}`);
  const watcher = new MutationObserver(soon);
  let dialog, list, search, pressed = "", number = "", asked = false;

  function tell(event, data) {
    part("ask")?.querySelector("i")?.dispatchEvent(new CustomEvent("pg-ask", { bubbles: true, detail: { event, data } }));
  }
  function look() {
    tell("tick", { seen: list.querySelector("[data-seen]")?.dataset.seen ?? "" });
  }
  function soon() {
    if (asked) return;
    asked = true;
    requestAnimationFrame(() => {
      asked = false;
      if (dialog?.open) render();
    });
  }

  function prepare() {
    dialog = document.querySelector("dialog.pg-models");
    if (!dialog) return false;
    document.getElementById("pg").append(dialog);  // where it was, all is hidden; outside, rules in @media do not hold
    list = dialog.querySelector("[data-list]");
    search = dialog.querySelector("input[type=search]");
    dialog.addEventListener("click", clicked);
    dialog.addEventListener("input", (event) => { if (event.target.closest("[data-filter], input[type=search]")) render(); });
    dialog.addEventListener("submit", (event) => {
      event.preventDefault();
      const repository = event.target.querySelector("input").value;
      if (repository.trim()) send("own", { do: "own", repository });
    });
    for (const name of ["listed", "moving", "said"]) {
      watcher.observe(part(name), { childList: true, subtree: true, characterData: true, attributes: true });
    }
    return true;
  }
  window.pgModels = (task = "") => {
    if (!dialog?.isConnected && !prepare() || dialog.open) return;
    answers.clear();
    search.value = "";
    for (const filter of dialog.querySelectorAll("[data-filter]")) filter.value = filter.dataset.filter === "tasks" ? task : "";
    const back = document.activeElement;
    dialog.showModal();
    (innerWidth > 640 ? search : dialog.querySelector("[data-do=shut]")).focus();
    if (list.querySelector("[data-seen]")) render();
    look();
    const clock = setInterval(look, EVERY);
    dialog.addEventListener("close", () => {
      clearInterval(clock);
      if (back?.isConnected && back !== document.activeElement) back.focus({ preventScroll: true });
    }, { once: true });
  };
  document.addEventListener("click", (event) => { if (event.target.closest?.("[data-models]")) window.pgModels(); });

  // The button that opens the panel is marked while something is fetched or has failed; the chips say so every few seconds.
  function mark() {
    const button = document.getElementById("pg-models"), line = document.querySelector("#pg-chips .pg-chips");
    if (!button || !line || (button.dataset.mark ?? "") === (line.dataset.mark ?? "") && button.title === (line.dataset.says ?? "")) return;
    if (line.dataset.mark) {
      button.dataset.mark = line.dataset.mark;
      button.setAttribute("aria-label", line.dataset.says);
    } else {
      delete button.dataset.mark;
      button.removeAttribute("aria-label");
    }
    button.title = line.dataset.says ?? "";
  }
  setInterval(mark, EVERY);

  function send(place, data) {
    answers.set(place, pgMake("div", {}, pgMake("p", { className: "pg-busy" }, pgMake("span", {}, pgSay("models.asking")))));
    render();
    tell("submit", data);
  }
  function clicked(event) {
    if (event.target === dialog) return dialog.close();  // the dialog itself is hit outside its content
    const button = event.target.closest("[data-do]");
    if (!button || event.detail > 1) return undefined;  // the second click of two could hit what the first one brought
    const { do: what, model, task } = button.dataset, place = button.closest("[data-slot]")?.dataset.slot || model;
    pressed = place;
    if (what === "shut" || what === "use") dialog.close();
    if (what === "use") return tell("select", { model, task });
    if (what === "shut") return undefined;
    if (what === "close") {
      answers.delete(place);
      return render();
    }
    if (place === "own") answers.delete(place);
    send(what === "free" ? "memory" : model, { do: what, model });
    if (place === "own") list.querySelector(`[data-id="${CSS.escape(model)}"]`)?.scrollIntoView({ block: "center" });
    return undefined;
  }

  // What the server wrote, with the answers in their places and what the filters leave out hidden.
  function render() {
    const said = part("said").querySelector("[data-for]");
    if (said && said.dataset.number !== number) {
      number = said.dataset.number;
      if (said.childNodes.length) answers.set(said.dataset.for, said.cloneNode(true));
      else answers.delete(said.dataset.for);
    }
    const moving = part("moving"), held = moving.querySelector("[data-memory]");
    const memory = dialog.querySelector("[data-memory]");
    if (held) morph(memory, pgMake("div", { className: memory.className }, ...held.cloneNode(true).childNodes), ["data-memory"]);
    for (const place of ["memory", "own"]) {
      const slot = dialog.querySelector(`[data-slot="${place}"]`);
      if (slot) fill(slot, answers.get(place));
    }
    const fresh = part("listed").querySelector("[data-seen]")?.cloneNode(true);
    if (!fresh) return;
    const work = new Map([...moving.querySelectorAll("[data-work]")].map((one) => [one.dataset.work, one]));
    for (const row of fresh.querySelectorAll("[data-id]")) {
      const inside = work.get(row.dataset.id) ?? answers.get(row.dataset.id);
      if (inside) row.querySelector("[data-slot]").replaceChildren(...inside.cloneNode(true).childNodes);
    }
    filter(fresh);
    const whole = pgMake("div", {}, fresh);
    morph(list, whole, ["class", "data-list"]);
    refocus();
  }
  function fill(slot, inside) {
    morph(slot, pgMake("div", {}, ...(inside?.cloneNode(true).childNodes ?? [])), ["class", "data-slot", "tabindex"]);
  }
  function filter(fresh) {
    const words = search.value.toLowerCase().split(/\s+/).filter(Boolean);
    const wanted = [...dialog.querySelectorAll("[data-filter]")].filter((one) => one.value);
    const rows = [...fresh.querySelectorAll("[data-id]")];
    for (const row of rows) {
      row.hidden = !words.every((word) => row.dataset.words.includes(word)) || !wanted.every((one) => {
        const has = row.dataset[one.dataset.filter].split(" ");
        return one.value.split(" ").some((value) => has.includes(value));
      });
    }
    for (const group of fresh.querySelectorAll("[data-group]")) group.hidden = !group.querySelector("[data-id]:not([hidden])");
    const shown = rows.filter((row) => !row.hidden).length;
    dialog.querySelector(".pg-models-none").hidden = shown > 0;
    const count = pgSay("models.shown", { count: shown, total: rows.length }), told = dialog.querySelector("[data-count]");
    if (told.textContent !== count) told.textContent = count;
  }

  // Makes one element like another, leaving alone what is the same.
  function morph(old, fresh, kept = []) {
    for (const { name } of [...old.attributes]) if (!fresh.hasAttribute(name) && !kept.includes(name)) old.removeAttribute(name);
    for (const { name, value } of fresh.attributes) if (old.getAttribute(name) !== value) old.setAttribute(name, value);
    const next = [...fresh.childNodes];
    next.forEach((child, index) => {
      const there = old.childNodes[index];
      if (!there) old.append(child);
      else if (!same(there, child)) there.replaceWith(child);
      else if (child.nodeType === Node.ELEMENT_NODE) morph(there, child);
      else if (there.data !== child.data) there.data = child.data;
    });
    while (old.childNodes.length > next.length) old.lastChild.remove();
  }
  function same(one, other) {
    return one.nodeName === other.nodeName && ["id", "do", "model", "task"].every((name) => one.dataset?.[name] === other.dataset?.[name]);
  }
  // The button that had the focus may be gone: then its place has it until there is another one.
  function refocus() {
    const place = dialog.querySelector(`[data-slot="${CSS.escape(pressed)}"], [data-id="${CSS.escape(pressed)}"] [data-slot]`);
    const held = document.activeElement;
    if (!place || held !== place && held !== dialog && held !== document.body) return;
    (place.querySelector("button") ?? place).focus({ preventScroll: true });
  }
})();
