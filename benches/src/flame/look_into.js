"use strict";
const frames = [...document.querySelectorAll("g.f")].map((g) => {
  const [box, label] = [g.querySelector("rect"), g.querySelector("text")];
  const name = g.querySelector("title").textContent.replace(/ \(\d+, [\d.]+ %\)$/, "");
  return { g, box, label, name, x: +box.getAttribute("x"), y: +box.getAttribute("y"), width: +box.getAttribute("width") };
});
const whole = frames[0];
const lookInto = (chosen) => {
  const scale = whole.width / chosen.width;
  for (const frame of frames) {
    const within = frame.x + 0.1 >= chosen.x && frame.x + frame.width <= chosen.x + chosen.width + 0.1;
    const calls = frame.y < chosen.y && frame.x <= chosen.x + 0.1 && frame.x + frame.width + 0.1 >= chosen.x + chosen.width;
    frame.g.style.display = calls || (within && frame.y >= chosen.y) ? "" : "none";
    const x = calls ? 0 : (frame.x - chosen.x) * scale;
    const width = calls ? whole.width : frame.width * scale;
    const room = Math.floor((width - 6) / 6.2);
    frame.box.setAttribute("x", x);
    frame.box.setAttribute("width", width);
    frame.label.setAttribute("x", x + 3);
    frame.label.textContent = frame.name.length <= room ? frame.name : room < 3 ? "" : frame.name.slice(0, room - 1) + "…";
  }
};
for (const frame of frames) frame.g.addEventListener("click", () => lookInto(frame));
