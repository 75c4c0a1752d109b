// Shows people around: a tour of the six tabs that the visitor leads, and a demo for a stage that goes by itself.
(() => {
  // A step of the tour. ring: what it speaks of; task: the tab that this is in; tried: what is said of the result where
  // the step can be tried. A step whose ring is not on the page is left out.
  const STEPS = [
    { ring: ".pg-hero h1", title: () => pgSay("tour.welcome.title"), says: () => pgSay("tour.welcome.says") },
    {
      task: "text_generation", ring: "#text_generation-prompt",
      title: () => pgSay("tour.writing.title"), says: () => pgSay("tour.writing.says"),
    },
    {
      task: "text_generation", ring: "#text_generation-go",
      title: () => pgSay("tour.written.title"), says: () => pgSay("tour.written.says"), tried: () => pgSay("tour.written.tried"),
    },
    {
      task: "text_to_image", ring: "#text_to_image-prompt",
      title: () => pgSay("tour.drawing.title"), says: () => pgSay("tour.drawing.says"),
    },
    {
      task: "text_to_image", ring: "#text_to_image-go",
      title: () => pgSay("tour.drawn.title"), says: () => pgSay("tour.drawn.says"), tried: () => pgSay("tour.drawn.tried"),
    },
    {
      task: "text_to_image", ring: "#text_to_image-cards",
      title: () => pgSay("tour.cards.title"), says: () => pgSay("tour.cards.says"),
    },
    {
      task: "image_to_image", ring: "#image_to_image-image",
      title: () => pgSay("tour.redrawing.title"), says: () => pgSay("tour.redrawing.says"),
    },
    {
      task: "image_to_image", ring: "#image_to_image-go",
      title: () => pgSay("tour.redrawn.title"), says: () => pgSay("tour.redrawn.says"), tried: () => pgSay("tour.redrawn.tried"),
    },
    {
      task: "inpainting", ring: "#inpainting-image, #inpainting-editor",
      title: () => pgSay("tour.painting.title"), says: () => pgSay("tour.painting.says"),
    },
    {
      task: "inpainting", ring: "#inpainting-go",
      title: () => pgSay("tour.painted.title"), says: () => pgSay("tour.painted.says"), tried: () => pgSay("tour.painted.tried"),
    },
    {
      task: "super_resolution", ring: "#super_resolution-go",
      title: () => pgSay("tour.enlarging.title"), says: () => pgSay("tour.enlarging.says"),
      tried: () => pgSay("tour.enlarging.tried"),
    },
    {
      task: "text_to_speech", ring: "#text_to_speech-text",
      title: () => pgSay("tour.speaking.title"), says: () => pgSay("tour.speaking.says"),
    },
    {
      task: "text_to_speech", ring: "#text_to_speech-go",
      title: () => pgSay("tour.spoken.title"), says: () => pgSay("tour.spoken.says"), tried: () => pgSay("tour.spoken.tried"),
    },
    { ring: "#pg-mode", title: () => pgSay("tour.modes.title"), says: () => pgSay("tour.modes.says") },
    { ring: ".pg-hero", title: () => pgSay("tour.farewell.title"), says: () => pgSay("tour.farewell.says") },
  ];
  // A round of the demo, tab by tab: what is said before and under the result.
  const ROUND = [
    { task: "text_generation", says: () => pgSay("tour.demo.text"), shown: () => pgSay("tour.demo.text_shown") },
    { task: "text_to_image", says: () => pgSay("tour.demo.image"), shown: () => pgSay("tour.demo.image_shown") },
    { task: "image_to_image", says: () => pgSay("tour.demo.redraw"), shown: () => pgSay("tour.demo.redraw_shown") },
    { task: "inpainting", says: () => pgSay("tour.demo.inpaint"), shown: () => pgSay("tour.demo.inpaint_shown") },
    { task: "super_resolution", says: () => pgSay("tour.demo.upscale"), shown: () => pgSay("tour.demo.upscale_shown") },
    { task: "text_to_speech", says: () => pgSay("tour.demo.speech"), shown: () => pgSay("tour.demo.speech_shown") },
  ];
  const NEEDS_PICTURE = ["image_to_image", "inpainting", "super_resolution"];
  const TICK = 50, RENDERED = 8_000, FOUND = 600, TRIED = 60_000;  // milliseconds
  const INTRODUCED = 5_000, ANNOUNCED = 6_000, PASSED = 30_000, SHOWN = 11_000;  // milliseconds, of the demo
  const MARGIN = 12, GAP = 6;  // pixels: around the card, around what is ringed

  function press(label, act, className = "pg-button") {
    const made = pgMake("button", { type: "button", className }, label);
    made.addEventListener("click", act);
    return made;
  }
  function part(task, name) { return document.getElementById(`${task}-${name}`); }
  function visible(selector) { return [...document.querySelectorAll(selector)].find((one) => one.offsetHeight > 0); }
  function pause(milliseconds) { return new Promise((resolve) => { setTimeout(resolve, milliseconds); }); }

  // The first true value of a question that is asked again and again, or the last false one when time is up.
  async function until(ask, milliseconds, wait = pause) {
    for (let left = milliseconds; left > 0 && !ask(); left -= TICK) await wait(TICK);
    return ask();
  }
  async function open(task) {
    const tab = document.querySelector(`#pg-tabs [role=tab][aria-controls="tab-${task}"]`);
    if (tab?.ariaSelected === "false") tab.click();
    return until(() => visible(`#${task}-go`), RENDERED);
  }

  // What starts a tab's run: its first example where it needs a picture that is not there yet, else its button.
  async function starter(task) {
    if (!NEEDS_PICTURE.includes(task)) return part(task, "go");
    return await until(() => visible(`#${task}-cards [data-index="0"]`), FOUND) || part(task, "go");
  }
  // Starts a tab's run as a person would; tells how it ended: done, error, or late behind so many milliseconds.
  async function run(task, milliseconds, wait = pause) {
    const status = part(task, "status"), start = await starter(task);
    let changed = false;
    const watching = new MutationObserver(() => { changed = true; });
    watching.observe(status, { subtree: true, childList: true, attributes: true, characterData: true });
    start.click();
    const ended = () => changed && !part(task, "go").disabled && status.querySelector(".pg-done, .pg-error");
    const line = await until(ended, milliseconds, wait).finally(() => watching.disconnect());
    if (!line) return "late";
    return line.matches(".pg-done") ? "done" : "error";
  }

  // A ring around an element, which follows it when the page moves. free: the bottom of what it may be drawn in; below: what
  // is better left free under it, where the page need not be scrolled for that alone.
  function ring(free, below = () => 0) {
    const spot = pgMake("div", { className: "pg-spot" });
    let on = null, last = "";
    const follow = () => {
      const box = on?.getBoundingClientRect();
      const from = box && Math.max(box.top - GAP, 0), to = box && Math.min(box.bottom + GAP, free());
      const style = box && to > from
        ? `left:${box.left - GAP}px;top:${from}px;width:${box.width + 2 * GAP}px;height:${to - from}px` : "display:none";
      if (style !== last) spot.style.cssText = last = style;
      if (spot.isConnected) requestAnimationFrame(follow);
    };
    return {
      spot, start: follow, get element() { return on; },
      put(element) {
        on = element;
        if (!element) return;
        const box = element.getBoundingClientRect(), room = free() - 2 * MARGIN;
        if (box.top >= MARGIN && box.bottom <= MARGIN + room - below()) return;
        scrollBy({ top: box.top - MARGIN - Math.max(0, (room - box.height) / 2), behavior: "instant" });
      },
    };
  }

  function tour() {
    const steps = [...STEPS];
    let at = 0, turn = 0;  // turn: counts the moves, so that what an earlier one waited for is dropped
    const title = pgMake("h2", { id: "pg-tour-title" }), says = pgMake("p", { id: "pg-tour-says", ariaLive: "polite" });
    const dots = pgMake("div", { className: "pg-dots", ariaHidden: "true" }), count = pgMake("span", { className: "pg-count" });
    const skip = press(pgSay("tour.skip"), () => dialog.close(), "pg-button pg-plain");
    const back = press(pgSay("tour.back"), () => move(-1)), attempt = press("", tryIt);
    const next = press("", () => move(1), "pg-button pg-main");
    const card = pgMake(
      "section", { className: "pg-tour-card" }, title, says, pgMake("div", { className: "pg-where" }, dots, count),
      pgMake("div", { className: "pg-choices" }, skip, back, attempt, next),
    );
    const light = ring(free, () => (narrow() ? 0 : card.offsetHeight));
    const dialog = pgMake("dialog", { className: "pg-tour" }, light.spot, card);
    dialog.setAttribute("aria-labelledby", title.id);
    dialog.setAttribute("aria-describedby", says.id);

    // On a narrow window the card lies at the bottom and what is ringed above it.
    function narrow() { return innerWidth < 900; }
    function free() { return narrow() ? card.getBoundingClientRect().top - GAP : innerHeight; }
    // Puts the card where it covers nothing of what is ringed: under it, over it, or at a side of it.
    function place() {
      if (!dialog.open) return;
      card.style.cssText = narrow() || !light.element ? "" : beside(light.element.getBoundingClientRect());
      requestAnimationFrame(place);
    }
    function beside(box) {
      const { offsetWidth: width, offsetHeight: height } = card, away = GAP + MARGIN;
      const inside = (value, size, whole) => Math.max(MARGIN, Math.min(value, whole - size - MARGIN));
      const left = inside(box.left, width, innerWidth), top = inside(box.top, height, innerHeight);
      const places = [
        [left, box.bottom + away], [left, box.top - away - height], [box.right + away, top], [box.left - away - width, top],
      ];
      const fits = ([x, y]) => x === inside(x, width, innerWidth) && y === inside(y, height, innerHeight);
      const [x, y] = places.find(fits) ?? [innerWidth - width - MARGIN, innerHeight - height - MARGIN];
      return `left:${x}px;top:${y}px;right:auto;bottom:auto`;
    }

    async function show(index, by) {
      const mine = ++turn;
      at = index;
      while (steps[at]) {
        const { task, ring: wanted } = steps[at];
        if (task) await open(task);
        const element = await until(() => visible(wanted), FOUND);
        if (mine !== turn || !dialog.open) return;
        if (element) return paint(element);
        steps.splice(at, 1);
        if (by < 0) at -= 1;
      }
      dialog.close();
    }
    function paint(element) {
      const step = steps[at];
      title.textContent = step.title();
      says.textContent = step.says();
      count.textContent = pgSay("tour.count", { number: at + 1, total: steps.length });
      dots.replaceChildren(...steps.map((_, index) => pgMake("i", { className: index === at ? "pg-here" : "" })));
      back.hidden = at === 0;
      attempt.hidden = !step.tried;
      attempt.textContent = pgSay("tour.try");
      attempt.ariaDisabled = null;
      skip.hidden = at === steps.length - 1;
      next.textContent = skip.hidden ? pgSay("tour.finish") : pgSay("tour.next");
      light.put(element);
      next.focus();
    }
    function move(by) {
      if (at + by >= steps.length) dialog.close();
      else if (at + by >= 0) show(at + by, by);
    }
    async function tryIt() {
      if (attempt.ariaDisabled) return;  // it keeps the focus while a run works, which a disabled button would lose
      const mine = turn, { task, tried } = steps[at];
      attempt.ariaDisabled = "true";
      attempt.textContent = pgSay("tour.working");
      light.put(part(task, "result"));
      const end = await run(task, TRIED);
      if (mine !== turn || !dialog.open) return;
      attempt.hidden = true;
      says.textContent = end === "done" ? tried() : pgSay("tour.failed");
      light.put(part(task, end === "done" ? "result" : "status"));
      next.focus();
    }
    dialog.addEventListener("keydown", (event) => {
      const choices = [...card.querySelectorAll("button")].filter((one) => !one.hidden);
      const edge = event.shiftKey ? choices[0] : choices.at(-1);
      if (event.key === "ArrowRight" || event.key === "Enter" && event.target.localName !== "button") move(1);
      else if (event.key === "ArrowLeft") move(-1);
      else if (event.key === "Tab" && document.activeElement === edge) (event.shiftKey ? choices.at(-1) : choices[0]).focus();
      else return;
      event.preventDefault();
    });
    dialog.addEventListener("close", () => {
      document.documentElement.classList.remove("pg-touring");
      dialog.remove();
    });
    document.documentElement.classList.add("pg-touring");
    document.body.append(dialog);
    dialog.showModal();
    light.start();
    place();
    show(0, 1);
  }

  const LEFT = Symbol("a part of the demo that Next or End cut short");
  let demo = null;  // the one that runs
  function stage() {
    const state = { ended: false, paused: false, next: false };
    const says = pgMake("p", { ariaLive: "polite" }), dots = pgMake("div", { className: "pg-dots", ariaHidden: "true" });
    const hold = press(pgSay("tour.demo.pause"), () => setPaused(!state.paused), "pg-button pg-main");
    const light = ring(() => bar.getBoundingClientRect().top);
    const bar = pgMake(
      "aside", { className: "pg-demo", ariaLabel: pgSay("tour.demo.label") },
      pgMake("div", {}, says, dots),
      pgMake("div", { className: "pg-choices" }, hold, press(pgSay("tour.next"), onward), press(pgSay("tour.demo.end"), end)),
    );

    function setPaused(paused) {
      state.paused = paused;
      hold.textContent = paused ? pgSay("tour.demo.resume") : pgSay("tour.demo.pause");
    }
    function onward() {
      state.next = true;
      setPaused(false);
    }
    function end() {
      state.ended = true;
      demo = null;
      removeEventListener("keydown", keyed, true);
      document.removeEventListener("pointerdown", touched, true);
      document.documentElement.classList.remove("pg-stage");
      const stood = bar.contains(document.activeElement);
      bar.remove();
      light.spot.remove();
      const address = new URL(location);
      address.searchParams.delete("demo");
      history.replaceState(history.state, "", address);
      if (stood) document.getElementById("pg-demo")?.focus();
    }
    // Time that stands still while the demo is paused, and that Next and End cut short.
    async function wait(milliseconds) {
      for (let left = milliseconds; left > 0; left -= state.paused ? 0 : TICK) {
        if (state.ended || state.next) throw LEFT;
        await pause(TICK);
      }
    }
    function say(sentence) { says.textContent = sentence; }

    async function play({ task, says: announced, shown }, index) {
      dots.replaceChildren(...ROUND.map((_, other) => pgMake("i", { className: other === index ? "pg-here" : "" })));
      say(announced());
      if (!await open(task)) return;
      light.put(await starter(task));
      await wait(ANNOUNCED);
      light.put(part(task, "result"));
      const ended = await run(task, PASSED, wait);
      say(ended === "done" ? shown() : pgSay("tour.demo.passed"));
      await wait(ended === "done" ? SHOWN : ANNOUNCED);
    }
    async function round() {
      scrollTo({ top: 0, behavior: "instant" });
      say(pgSay("tour.demo.begins"));
      const parts = [() => wait(INTRODUCED), ...ROUND.map((one, index) => () => play(one, index)), () => again()];
      for (const act of parts) {
        state.next = false;
        await act().catch((reason) => { if (reason !== LEFT) throw reason; });
        if (state.ended) return;
        stopped();
      }
      fresh();
    }
    async function again() {
      light.put(null);
      say(pgSay("tour.demo.again"));
      await wait(INTRODUCED);
    }
    // A run that Next has left behind must not keep the next one waiting.
    function stopped() {
      const stop = visible("#pg-tabs [id$=-stop]");
      if (stop && !stop.disabled) stop.click();
    }
    // The page cleans up behind itself and loads again; where it cannot, it is only loaded again.
    async function fresh() {
      const address = new URL(location);
      address.searchParams.set("demo", "");
      if (window.pgReset) {
        window.pgReset({ demo: true });
        await pause(RENDERED);
      }
      if (!state.ended) location.replace(address);
    }

    function keyed(event) {
      if (event.ctrlKey || event.metaKey || event.altKey || document.querySelector("dialog[open]")) return;
      const own = bar.contains(event.target);
      if (state.paused && !own && event.target !== document.body) return;  // a person uses the page meanwhile
      if (event.key === " " && own) return;  // the button that has the focus takes it
      const act = { " ": () => setPaused(!state.paused), ArrowRight: onward, Escape: end }[event.key];
      if (!act) return;
      event.preventDefault();
      event.stopPropagation();
      act();
    }
    function touched(event) {
      if (event.isTrusted && !bar.contains(event.target)) setPaused(true);
    }
    addEventListener("keydown", keyed, true);
    document.addEventListener("pointerdown", touched, true);
    document.documentElement.classList.add("pg-stage");
    document.body.append(light.spot, bar);
    light.start();
    hold.focus();
    round();
    return { end };
  }

  document.addEventListener("click", (event) => {
    if (event.target.closest?.("#pg-tour")) {
      demo?.end();
      tour();
    } else if (event.target.closest?.("#pg-demo")) demo ??= stage();
  });
  if (new URLSearchParams(location.search).has("demo")) {
    new MutationObserver((_, watching) => {
      if (document.querySelectorAll("#pg-tabs [role=tab]").length < ROUND.length) return;
      watching.disconnect();
      demo ??= stage();
    }).observe(document, { subtree: true, childList: true });
  }
})();
