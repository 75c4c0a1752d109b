// Keys: tabs by arrows and digits, shortcuts for Go, Stop, the prompt and help, and a focus that no run takes away.
(() => {
  const FIELD = "textarea, select, [contenteditable=true], input:not([type=range], [type=checkbox], [type=radio], [type=file])";
  const ALONE = "playground-keys-alone";  // where it is remembered that keys pressed alone are no shortcuts
  const control = /Mac|iPhone|iPad/.test(navigator.platform) ? "⌘" : "Ctrl";

  function button(name) { return document.getElementById(`${pgTask()}-${name}`); }
  function open(tab) {
    tab?.focus();
    tab?.click();
  }

  // The tabs are one stop of the Tab key; arrows go from one to the next (the ARIA pattern of tabs).
  function rove() {
    for (const tab of pgTabs()) {
      const stop = tab.ariaSelected === "true" ? 0 : -1;
      if (tab.tabIndex !== stop) tab.tabIndex = stop;
    }
  }
  function neighbour(tab, key) {
    const all = pgTabs(), at = all.indexOf(tab);
    const to = { ArrowLeft: at - 1 + all.length, ArrowRight: at + 1, Home: 0, End: all.length - 1 }[key];
    return at < 0 || to === undefined ? null : all[to % all.length];
  }

  // A button that is switched off loses the focus to the page without a word, so what had it last is remembered.
  let held = null;
  let lender = null;  // whose focus Stop has while a run works
  function handOver() {
    const focused = document.activeElement === document.body ? held : document.activeElement;
    if (!focused?.matches("#pg-tabs button:disabled")) return;
    const stop = button("stop"), next = focused === stop ? [lender, button("go")].find((one) => one && !one.disabled) : stop;
    if (!next || next.disabled) return;
    lender = focused === stop ? null : focused;
    next.focus({ preventScroll: true });
  }
  document.addEventListener("focusin", (event) => { held = event.target; });
  document.addEventListener("pointerdown", (event) => { if (!held?.contains(event.target)) held = null; });

  new MutationObserver((changes) => {
    rove();
    if (changes.some((change) => change.attributeName === "disabled")) handOver();
  }).observe(document, { subtree: true, childList: true, attributes: true, attributeFilter: ["aria-selected", "disabled"] });

  // Gradio opens a list anew when Tab has just left it: its handler works behind the blur. So it never sees that key.
  window.addEventListener("keydown", (event) => {
    if (event.key === "Tab" && event.target.role === "combobox") event.stopPropagation();
  }, true);

  // Gradio makes an emptied number its minimum. It never hears of the empty one, and the box shows the last number again.
  const NUMBER = "[data-testid=number-input]";
  let number = "";
  document.addEventListener("focusin", (event) => { if (event.target.matches(NUMBER)) number = event.target.value; });
  document.addEventListener("input", (event) => {
    if (!event.target.matches(NUMBER)) return;
    if (event.target.value === "") event.stopPropagation();
    else number = event.target.value;
  }, true);
  document.addEventListener("blur", (event) => {
    if (event.target.matches?.(NUMBER) && event.target.value === "") event.target.value = number;
  }, true);

  function alone() {
    try { return localStorage.getItem(ALONE) !== "no"; } catch { return true; }  // a browser may forbid to remember
  }
  function setAlone(wanted) {
    try { localStorage.setItem(ALONE, wanted ? "yes" : "no"); } catch { /* then it holds for this dialog only */ }
  }

  function help() {
    const rows = [
      [["1", "–", "6"], pgSay("keys.tabs")],
      [["←", "→", "Home", "End"], pgSay("keys.neighbours")],
      [[control, "+", "Enter"], pgSay("keys.go")],
      [["Esc"], pgSay("keys.stop")],
      [["/"], pgSay("keys.prompt")],
      [["?"], pgSay("keys.help")],
    ].map(([keys, does]) => pgMake("tr", {}, pgMake("th", { scope: "row" }, ...keys.map(shown)), pgMake("td", {}, does)));
    const single = pgMake("input", { type: "checkbox", checked: alone() });
    single.addEventListener("change", () => setAlone(single.checked));
    const close = pgMake("button", { type: "button", className: "pg-button pg-main", autofocus: true }, pgSay("help.close"));
    const dialog = pgMake(
      "dialog", { className: "pg-help" },
      pgMake("div", {}, pgMake("h2", { id: "pg-help-title" }, pgSay("help.title")), pgMake("table", {}, pgMake("tbody", {}, ...rows)),
        pgMake("label", {}, single, pgSay("help.single")), close),
    );
    dialog.setAttribute("aria-labelledby", "pg-help-title");
    dialog.addEventListener("click", (event) => {
      if (event.target === dialog || event.target === close) dialog.close();  // the dialog itself is hit outside its content
    });
    dialog.addEventListener("close", () => dialog.remove());
    document.body.append(dialog);
    dialog.showModal();
  }
  function shown(key) { return "+–".includes(key) ? ` ${key} ` : pgMake("kbd", {}, key); }
  document.addEventListener("click", (event) => { if (event.target.closest?.("#pg-help")) help(); });

  // What a key does: a function, or nothing.
  function shortcut(event) {
    const { key, target } = event;
    if (key === "Enter" && (event.ctrlKey || event.metaKey)) return () => button("go")?.click();
    if (event.ctrlKey || event.metaKey || event.altKey) return null;
    if (key === "Escape") return target.ariaExpanded === "true" ? null : () => button("stop")?.click();
    if (neighbour(target, key)) return () => open(neighbour(target, key));
    if (target.closest(FIELD) || !alone()) return null;
    if (/^[1-6]$/.test(key)) return () => open(pgTabs()[key - 1]);
    if (key === "/") return () => document.querySelector(`#${pgTask()}-prompt textarea, #${pgTask()}-text textarea`)?.focus();
    return key === "?" ? help : null;
  }
  document.addEventListener("keydown", (event) => {
    if (event.defaultPrevented || event.isComposing || document.querySelector("dialog[open]")) return;
    const act = shortcut(event);
    if (!act) return;
    if (event.key !== "Escape") event.preventDefault();
    act();
  });
})();
