// Moves the sliders of otrecon.show: every frame is in the page, compressed. No network, no globals, no dependencies.
(() => {
  "use strict";
  const PLAY = "M2 1l7 4-7 4z", PAUSE = "M2 1h2v8H2zM6 1h2v8H6z";
  const OLD = "Moving this figure needs a browser from 2023 or later (Chrome 80, Firefox 113, Safari 16.4).";
  const calm = matchMedia("(prefers-reduced-motion: reduce)");

  async function unpack(base64) {
    const bytes = Uint8Array.from(atob(base64), (c) => c.charCodeAt(0));
    const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"));
    return new Response(stream).json();
  }

  // Images inside a new frame are decoded before it is shown, so that nothing flickers.
  async function build(html) {
    const template = document.createElement("template");
    template.innerHTML = html;
    const ready = [...template.content.querySelectorAll("image")].map((node) => {
      const image = new Image();
      image.src = node.getAttribute("href");
      return image.decode().catch(() => {});
    });
    await Promise.all(ready);
    return template.content;
  }

  function start(figure) {
    const frame = figure.querySelector(".otrecon-frame");
    const controls = figure.querySelector(".otrecon-controls");
    const inputs = [...controls.querySelectorAll("input[type=range]")];
    const button = controls.querySelector(".otrecon-play");
    const live = figure.querySelector(".otrecon-live");
    const source = figure.querySelector('script[type="application/octet-stream;base64"]');
    const texts = inputs.map((input) => JSON.parse(input.dataset.texts));
    let data = null, wanted = 0, playing = 0, speaking = 0, said = null;
    const at = () => inputs.reduce((sum, input, k) => sum * texts[k].length + Number(input.value), 0);
    const first = at();

    if (typeof DecompressionStream === "undefined") {
      live.className = "otrecon-old";
      live.textContent = OLD;
      return;
    }

    async function show() {
      const turn = ++wanted;
      inputs.forEach((input, k) => {
        const text = texts[k][input.value];
        input.setAttribute("aria-valuetext", text);
        input.nextElementSibling.value = text;
      });
      data = data || unpack(source.textContent);
      const { lines, frames, alts } = await data;
      const place = at();
      const content = await build(frames[place].map((k) => lines[k]).join("\n"));
      if (turn !== wanted) return;
      frame.replaceChildren(content);
      clearTimeout(speaking);
      if (said === null) said = alts[first];
      if (!playing && alts[place] !== said) {
        speaking = setTimeout(() => { live.textContent = said = alts[place]; }, 600);
      }
    }

    function step() {
      const input = inputs[Number(button.dataset.play)];
      input.value = (Number(input.value) + 1) % texts[Number(button.dataset.play)].length;
      return show();
    }

    function stop() {
      clearTimeout(playing);
      playing = 0;
      paint();
    }

    function paint() {
      button.querySelector("path").setAttribute("d", playing ? PAUSE : PLAY);
      button.querySelector("span").textContent = playing ? "Pause" : calm.matches ? "Next" : "Play";
    }

    async function run() {
      if (!playing) return;
      if (!figure.isConnected) return stop();
      if (!document.hidden) await step();
      if (playing) playing = setTimeout(run, Number(button.dataset.wait));
    }

    inputs.forEach((input) => input.addEventListener("input", () => {
      if (playing) stop();
      show();
    }));
    if (button) {
      paint();
      // Who asked for less motion gets one step a press.
      button.addEventListener("click", () => {
        if (playing) return stop();
        if (calm.matches) return step();
        playing = 1;
        paint();
        run();
      });
    }
    controls.hidden = false;
  }

  // A figure that is wider than the page scrolls; then, and only then, the keyboard can reach it.
  const reach = (box) => {
    if (box.scrollWidth > box.clientWidth + 1) {
      box.tabIndex = 0;
      box.setAttribute("role", "region");
      box.setAttribute("aria-label", "Wide figure, scrolls sideways");
    } else if (box.tabIndex === 0) {
      ["tabindex", "role", "aria-label"].forEach((name) => box.removeAttribute(name));
    }
  };

  function init() {
    document.querySelectorAll(".otrecon-slider:not([data-ready])").forEach((figure) => {
      figure.dataset.ready = "";
      start(figure);
    });
    const watch = new ResizeObserver((entries) => entries.forEach((entry) => reach(entry.target)));
    document.querySelectorAll(".otrecon-scroll:not([data-watched])").forEach((box) => {
      box.dataset.watched = "";
      watch.observe(box);
    });
  }

  if (document.readyState === "loading") document.addEventListener("DOMContentLoaded", init);
  else init();
})();
