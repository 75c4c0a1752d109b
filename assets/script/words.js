// Gives the page's scripts their sentences: pgSay("tour.next"), pgSay("tour.step", {number: 2, total: 6}).
window.pgSay = (key, values = {}) => {
  window.pgWords ??= JSON.parse(document.getElementById("pg-words").textContent);
  let found = key.split(".").reduce((part, name) => part?.[name], window.pgWords);
  if (typeof found === "object") found = found[values.count === 1 ? "one" : "other"];
  return found.replace(/\{(\w+)\}/g, (place, name) => (name in values ? String(values[name]) : place));
};
