// Reads finished sentences aloud one after the other while later ones are still being made, and lights up each word.
// All times are seconds from the beginning of the whole. Two <audio> elements take turns, so that the next sentence is
// loaded before it is needed; once the whole file is there, it takes the place of the sentences at the next boundary.
const FORMATS = [["WAV", "wav"], ["FLAC", "flac"], ["OGG", "ogg"], ["MP3", "mp3"], ["VTT", "vtt"]];
const AHEAD = 0.06;  // seconds: a sentence ends in silence, and play() takes a moment
const HELD = 0.25;  // a word stays lit so long behind its end where no other follows
const MOST_LABELS = 60;
const frame = element.querySelector(".pg-player"), hint = element.querySelector(".pg-hint");
const players = [...element.querySelectorAll("audio.pg-voice")], list = element.querySelector(".pg-sentences");
const figure = element.querySelector(".pg-spectrogram"), downloads = element.querySelector(".pg-downloads");
const calm = matchMedia("(prefers-reduced-motion: reduce)");
const WHOLE = -1;
let asked = false;  // whether a run was started on this page
let run = "", segments = [], items = [], words = [], whole = null, cursor = null, labels = null;
let active = players[0], waiting = false, sentence = null, word = null;

function make(name, className, text) {
  const made = document.createElement(name);
  if (className) made.className = className;
  if (text !== undefined) made.textContent = text;
  return made;
}
function say(text) { hint.textContent = text; hint.hidden = !text; }
function other() { return players[1 - players.indexOf(active)]; }
function position() { return active.from + active.currentTime; }

// What an <audio> holds: piece, a sentence's number or WHOLE; from, its beginning in the whole.
function put(player, part, seconds) {
  const url = part === WHOLE ? whole.url : segments[part].url;
  player.piece = part;
  player.from = part === WHOLE ? 0 : segments[part].start;
  if (player.url !== url) {
    player.url = url;
    player.src = url;
  }
  player.currentTime = Math.max(0, seconds - player.from);
}
function show(player) {
  active = player;
  for (const one of players) one.hidden = one !== active;
}
function play() {
  waiting = false;
  say("");
  const asked = active;
  asked.play().catch((error) => {
    if (error.name === "NotAllowedError" && asked === active) say(pgSay("player.press_play"));
  });
}
function playFrom(index, seconds) {
  other().pause();
  put(active, whole ? WHOLE : index, seconds);
  show(active);
  mark(index, word);
  play();
  prepare();
}
// Loads what comes behind the sentence that is heard now.
function prepare() {
  const next = active.piece + 1, idle = other();
  if (active.piece === WHOLE || next >= segments.length || !(idle.paused || idle.ended)) return;
  if (idle.next === next) return;  // the sentence is loaded already, the whole may not be in time
  put(idle, whole ? WHOLE : next, segments[next].start);
  idle.next = next;
}
function advance() {
  if (active.piece === WHOLE) return mark(null, null);
  const next = active.piece + 1;
  if (next < segments.length) {
    prepare();
    const idle = other();
    if (idle.next !== next) {  // the one before has not ended yet
      put(idle, whole ? WHOLE : next, segments[next].start);
    }
    idle.next = null;
    show(idle);
    play();
  } else if (whole) {
    put(active, WHOLE, 0);
    mark(null, null);
  } else {
    waiting = true;
    say(pgSay("player.next"));
  }
}
for (const player of players) {
  Object.assign(player, { piece: 0, from: 0, url: "", next: null });
  player.addEventListener("ended", () => (player === active ? advance() : prepare()));
  player.addEventListener("play", () => { if (player === active) { say(""); follow(); prepare(); } });
  for (const name of ["timeupdate", "seeked"]) player.addEventListener(name, () => { if (player === active) paint(); });
}
let following = false;
function follow() {
  if (following) return;
  following = true;
  const step = () => {
    following = !active.paused && !active.ended && element.isConnected;
    if (!following) return;
    paint();
    const left = active.duration - active.currentTime, ready = other().readyState >= 3;
    if (active.piece !== WHOLE && left < AHEAD && other().next === active.piece + 1 && ready) advance();
    requestAnimationFrame(step);
  };
  requestAnimationFrame(step);
}

// The last of `things`, which begin one after the other, that has begun; -1 before the first.
function begun(things, seconds) {
  let low = 0, high = things.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (things[middle].start <= seconds) low = middle + 1;
    else high = middle;
  }
  return low - 1;
}
function paint() {
  if (!active.url) return;
  const now = position() + 0.01, at = begun(segments, now), said = words[begun(words, now)];
  const started = !active.paused || active.currentTime > 0;
  mark(started && at >= 0 ? at : null, started && said && now < said.end + HELD ? said : null);
  if (cursor) cursor.style.left = `${Math.min(100, 100 * position() / whole.seconds)}%`;
}
function mark(index, spoken) {
  if (spoken !== word) {
    for (const [one, lit] of [[word, false], [spoken, true]]) {
      one?.span.classList.toggle("pg-lit", lit);
      one?.label?.classList.toggle("pg-lit", lit);
    }
    word = spoken;
  }
  if (index === sentence) return;
  if (sentence !== null) items[sentence]?.setAttribute("aria-current", "false");
  if (index !== null) {
    items[index].setAttribute("aria-current", "true");
    const { offsetTop: top, offsetHeight: height } = items[index];
    if (top < list.scrollTop || top + height > list.scrollTop + list.clientHeight) {
      list.scrollTo({ top: top - list.clientHeight / 3, behavior: calm.matches ? "auto" : "smooth" });
    }
  }
  sentence = index;
}

function begin(value) {
  for (const player of players) {
    player.pause();
    player.removeAttribute("src");
    Object.assign(player, { piece: 0, from: 0, url: "", next: null });
  }
  run = value.run; segments = []; items = []; words = []; whole = null; cursor = null; labels = null;
  sentence = null; word = null; waiting = true;
  list.replaceChildren(); figure.replaceChildren(); downloads.replaceChildren();
  list.scrollTop = 0;
  figure.hidden = downloads.hidden = true;
  for (const player of players) player.hidden = true;
  frame.classList.remove("pg-empty");
  element.querySelector(".pg-earlier audio")?.pause();
  say(pgSay("player.first"));
  if (frame.getBoundingClientRect().top > innerHeight - 160) {  // on a phone it stands below the controls
    frame.scrollIntoView({ block: "start", behavior: calm.matches ? "auto" : "smooth" });
  }
}
function add(segment, index) {
  const item = make("li"), button = make("button");
  button.type = "button";
  button.setAttribute("aria-current", "false");
  for (const [text, start, end] of segment.parts) {
    if (start === undefined) { button.append(text); continue; }
    const span = make("span", "pg-word", text);
    span.start = start;
    words.push({ span, text, start, end });
    button.append(span);
  }
  button.addEventListener("click", (event) => {
    const clicked = event.target.closest(".pg-word");
    playFrom(index, event.detail && clicked ? clicked.start : segment.start);  // detail 0: by keyboard
  });
  item.append(button);
  list.append(item);
  items.push(button);
}
function finish(value) {
  whole = value;
  if (active.paused && !waiting) {
    const at = position();
    put(active, WHOLE, active.currentTime > 0 ? at : 0);
  } else prepare();
  show(active);
  spectrogram();
  const base = whole.url.replace(/[^/]*$/, "speech.");
  for (const [label, ending] of FORMATS) {
    const link = make("a", "", ending === "vtt" ? pgSay("player.subtitles") : label);
    link.href = base + ending;
    link.download = `speech.${ending}`;
    link.setAttribute("aria-label", pgSay("player.download_as", { format: link.textContent }));
    downloads.append(link);
  }
  if (whole.estimated && words.length) {
    downloads.append(make("p", "pg-note", pgSay("player.estimated")));
  }
  downloads.dataset.title = pgSay("player.download");
  downloads.hidden = false;
}
function spectrogram() {
  const picture = make("div", "pg-picture"), image = make("img"), times = make("div", "pg-times");
  image.src = whole.url.replace(/[^/]*$/, "speech.png");
  image.alt = whole.alt;
  image.width = 800;
  image.height = 240;
  picture.append(image);
  for (const [kilohertz, place] of whole.frequencies) {
    const tick = make("span", "pg-hertz", String(kilohertz));
    tick.style.bottom = `${100 * place}%`;
    picture.append(tick);
  }
  for (const [seconds, place] of whole.times) {
    const tick = make("span", "", String(seconds));
    tick.style.left = `${100 * place}%`;
    times.append(tick);
  }
  cursor = make("i", "pg-cursor-line");
  picture.append(cursor);
  picture.addEventListener("click", (event) => {
    const box = picture.getBoundingClientRect();
    const seconds = Math.min(Math.max((event.clientX - box.left) / box.width, 0), 1) * whole.seconds;
    playFrom(Math.max(begun(segments, seconds), 0), seconds);
  });
  labels = make("div", "pg-labels");
  labels.setAttribute("aria-hidden", "true");
  if (words.length <= MOST_LABELS) {
    for (const one of words) {
      one.label = make("span", "", one.text);
      labels.append(one.label);
    }
  }
  const caption = make("figcaption", "", pgSay("player.spectrogram"));
  figure.append(picture, labels, times, caption);
  figure.hidden = false;
  place();
  paint();
}
// Puts each word under its moment, in the first row where it is free; none at all where three rows are not enough.
function place() {
  if (!labels || !labels.children.length) return;
  labels.hidden = false;
  const width = labels.clientWidth, rows = [-9, -9, -9];
  const fits = width > 0 && words.every((one) => {
    const wide = one.label.offsetWidth, left = Math.min(width * one.start / whole.seconds, width - wide);
    const row = rows.findIndex((taken) => taken + 4 <= left);
    if (row < 0) return false;
    rows[row] = left + wide;
    one.label.style.left = `${left}px`;
    one.label.style.top = `${row * 1.25}em`;
    return true;
  });
  labels.hidden = !fits;
  labels.style.height = `${1.25 * rows.filter((taken) => taken > 0).length}em`;
}
new ResizeObserver(place).observe(figure);

// A page that was loaded anew shows what was read, and reads only when it is asked to.
function rest() {
  waiting = false;
  put(active, 0, 0);
  show(active);
  say(pgSay("player.press_play"));
}
function update() {
  const value = props.value && JSON.parse(props.value);
  if (!value || !value.run) return;
  if (value.run !== run) begin(value);
  for (let index = segments.length; index < value.segments.length; index++) {
    segments.push(value.segments[index]);
    add(segments[index], index);
  }
  if (waiting && segments.length) {
    const next = active.url ? active.piece + 1 : 0;
    if (next < segments.length) {
      if (active.url) advance();
      else if (asked) playFrom(0, 0);
      else rest();
    }
  }
  prepare();
  if (value.whole && !whole) finish(value.whole);
}
watch("value", update);
update();  // in a tab that is opened later the value may be there already
document.addEventListener("click", (event) => {
  if (event.target.closest?.("#text_to_speech-go, #text_to_speech-cards [data-index]")) asked = true;
  if (!event.target.closest?.("#text_to_speech-stop") || whole) return;
  active.pause();
  waiting = false;
  say(pgSay(segments.length ? "player.stopped" : "player.stopped_early"));
});
