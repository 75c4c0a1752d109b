// Asks for the number of tokens of a prompt a second after the last key, where the page shows it: in Expert.
(() => {
  const PATIENCE = 1000;  // milliseconds
  const clocks = new Map();
  window.pgCount = (button) => {
    clearTimeout(clocks.get(button));
    if (!document.documentElement.classList.contains("pg-expert")) return;
    clocks.set(button, setTimeout(() => document.getElementById(button)?.click(), PATIENCE));
  };
  window.pgCountOpen = () => pgCount(`${pgTask()}-tokens-count`);
  document.addEventListener("click", (event) => {
    if (event.target.closest?.("#pg-mode, #pg-tabs [role=tab]")) requestAnimationFrame(pgCountOpen);
  });
})();
