// Plays finished sentences one after the other while later ones are still being made; the whole file at the end.
const audio = element.querySelector("audio");
const list = element.querySelector(".pg-sentences");
const hint = element.querySelector(".pg-hint");
const caption = element.querySelector(".pg-caption");
let run = "", segments = [], playing = -1, waiting = false, whole = null;

function mark(index) {
  list.querySelectorAll("button").forEach((b, i) => b.setAttribute("aria-current", String(i === index)));
}
function play(index) {
  playing = index;
  waiting = false;
  audio.src = segments[index].url;
  mark(index);
  audio.play().catch(() => { hint.hidden = false; hint.textContent = "Press play to listen."; });
}
audio.addEventListener("ended", () => {
  if (playing < 0) return;
  if (playing + 1 < segments.length) play(playing + 1);
  else if (whole) { playing = -1; audio.src = whole; mark(-1); }
  else waiting = true;
});
function begin(value) {
  run = value.run; segments = []; whole = null; playing = -1; waiting = true;
  list.replaceChildren(); caption.replaceChildren(); audio.pause();
}
function add(segment, index) {
  const item = document.createElement("li"), button = document.createElement("button");
  button.type = "button";
  button.textContent = segment.text;
  button.addEventListener("click", () => play(index));
  item.append(button);
  list.append(item);
}
function update() {
  const value = props.value;
  if (!value || !value.run) return;
  if (value.run !== run) begin(value);
  for (let i = segments.length; i < value.segments.length; i++) {
    segments.push(value.segments[i]);
    add(value.segments[i], i);
    hint.hidden = true;
  }
  if (waiting && playing + 1 < segments.length) play(playing + 1);
  if (value.whole && !whole) {
    whole = value.whole;
    const link = document.createElement("a");
    link.href = whole;
    link.download = "speech.wav";
    link.textContent = "Download WAV";
    caption.replaceChildren(link);
  }
}
watch("value", update);
