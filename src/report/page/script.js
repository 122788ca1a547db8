"use strict";
(() => {
  // What is under the pointer, at once; without a script the browser shows titles after a while.
  const tip = document.body.appendChild(document.createElement("div"));
  tip.id = "tip";
  tip.hidden = true;
  for (const title of document.querySelectorAll("svg * > title")) {
    const mark = title.parentNode;
    mark.setAttribute("data-tip", title.textContent);
    title.remove();
  }
  document.addEventListener("pointermove", (event) => {
    const mark = event.target.closest && event.target.closest("[data-tip]");
    tip.hidden = !mark;
    if (!mark) return;
    tip.textContent = mark.getAttribute("data-tip");
    const { offsetWidth: width, offsetHeight: height } = tip;
    tip.style.left = Math.max(4, Math.min(event.clientX + 14, innerWidth - width - 4)) + "px";
    tip.style.top = (event.clientY + 18 + height > innerHeight ? event.clientY - height - 10 : event.clientY + 18) + "px";
  });
  // Zoom stretches time alone: texts keep their shape.
  for (const figure of document.querySelectorAll("figure.zoomable")) {
    const wide = figure.querySelector(".wide"), svg = wide.querySelector("svg");
    const [, , width, height] = svg.getAttribute("viewBox").split(" ").map(Number);
    let zoom = 1;
    const set = (next, at = 0.5) => {
      const centre = (wide.scrollLeft + wide.clientWidth * at) / wide.scrollWidth;
      zoom = Math.min(16, Math.max(1, next));
      const least = Math.max(720, wide.clientWidth);
      svg.style.height = zoom > 1 ? least * height / width + "px" : "";
      svg.style.width = zoom > 1 ? least * zoom + "px" : "";
      for (const text of svg.querySelectorAll("text")) {
        const x = text.getAttribute("x");
        text.setAttribute("transform", `translate(${x} 0) scale(${1 / zoom} 1) translate(${-x} 0)`);
      }
      wide.scrollLeft = centre * wide.scrollWidth - wide.clientWidth * at;
      figure.dataset.zoom = zoom;
    };
    const bar = figure.querySelector(".zoom");
    bar.hidden = false;
    for (const button of bar.querySelectorAll("button")) {
      button.addEventListener("click", () => set(button.value === "0" ? 1 : zoom * Number(button.value)));
    }
    wide.addEventListener("wheel", (event) => {
      if (!event.ctrlKey) return;
      event.preventDefault();
      const box = wide.getBoundingClientRect();
      set(zoom * (event.deltaY < 0 ? 1.25 : 0.8), (event.clientX - box.left) / box.width);
    }, { passive: false });
  }
})();
