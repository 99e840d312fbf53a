"""Behaviour of the page: sorting, seeds, players. Without it everything is there but plainer."""

JS = """\
"use strict";
(() => {
  const all = (selector, root = document) => [...root.querySelectorAll(selector)];

  // Sorting: only rows of the same group change places.
  const value = (row, column) => {
    const text = row.cells[column].dataset.sort ?? "";
    return text === "" ? null : Number(text);
  };
  // A head of two lines: the column of a cell is the sum of the spans before it.
  const columns = new Map();
  const taken = [];
  all(".ablation thead tr").forEach((line, depth) => {
    let at = 0;
    for (const cell of line.cells) {
      while (taken[depth]?.has(at)) at++;
      columns.set(cell, at);
      for (let d = depth; d < depth + cell.rowSpan; d++)
        for (let c = at; c < at + cell.colSpan; c++) (taken[d] ??= new Set()).add(c);
      at += cell.colSpan;
    }
  });
  for (const button of all(".sort")) {
    const head = button.closest("th"), column = columns.get(head);
    button.addEventListener("click", () => {
      const first = column === 0 ? "ascending" : "descending";
      const other = first === "ascending" ? "descending" : "ascending";
      const order = head.getAttribute("aria-sort") === first ? other : first;
      all(".ablation [aria-sort]").forEach((th) => th.removeAttribute("aria-sort"));
      head.setAttribute("aria-sort", order);
      const sign = order === "ascending" ? 1 : -1;
      for (const body of all(".ablation tbody")) {
        const rows = [...body.rows].map((row, i) => [value(row, column), i, row]);
        rows.sort(([a, i], [b, j]) =>
          (a === null) - (b === null) || sign * (a - b) || i - j);
        body.append(...rows.map(([, , row]) => row));
      }
    });
  }

  // Players.
  const icons = {
    play: '<svg viewBox="0 0 12 12" aria-hidden="true"><path d="M2 0l10 6-10 6z"/></svg>',
    pause: '<svg viewBox="0 0 12 12" aria-hidden="true"><path d="M1 0h4v12H1zM7 0h4v12H7z"/></svg>',
  };
  const clock = (s) => Math.floor(s / 60) + ":" + String(Math.floor(s % 60)).padStart(2, "0");
  let current = null;

  for (const take of all(".take")) {
    const audio = take.querySelector("audio");
    if (!audio) continue;
    const seconds = Number(audio.dataset.seconds);
    const picture = take.querySelector(".spectrogram");
    const name = audio.getAttribute("aria-label");
    const player = document.createElement("div");
    player.className = "player";
    player.innerHTML = `<button type="button" class="play"></button><span></span>`;
    const [button, time] = player.children;
    audio.controls = false;
    audio.after(player);

    const draw = () => {
      const playing = !audio.paused && !audio.ended;
      const at = Math.min(audio.currentTime, seconds);
      take.classList.toggle("playing", playing);
      const shown = playing || (at > 0 && at < seconds);
      picture.style.setProperty("--at", shown ? (100 * at) / seconds + "%" : "-2px");
      time.textContent = (shown ? clock(at) + " / " : "") + clock(seconds);
      if (playing) requestAnimationFrame(draw);
    };
    const face = () => {
      const playing = !audio.paused && !audio.ended;
      button.innerHTML = playing ? icons.pause : icons.play;
      button.setAttribute("aria-label", (playing ? "Pause: " : "Play: ") + name);
      draw();
    };
    take.start = (from) => {
      if (current && current !== audio) { current.pause(); current.currentTime = 0; }
      current = audio;
      const go = () => { if (from !== undefined) audio.currentTime = from; };
      if (audio.readyState > 0) go();
      else audio.addEventListener("loadedmetadata", go, { once: true });
      audio.play().catch(() => { time.textContent = "cannot be played"; });
    };
    take.audio = audio;
    take.button = button;
    button.addEventListener("click", () => (audio.paused ? take.start() : audio.pause()));
    picture.addEventListener("click", (event) => {
      const box = picture.getBoundingClientRect();
      take.start((seconds * (event.clientX - box.left)) / box.width);
    });
    button.addEventListener("keydown", (event) => {
      const move = { ArrowLeft: -0.5, ArrowRight: 0.5 }[event.key];
      const step = { ArrowUp: -1, ArrowDown: 1 }[event.key];
      if (move) {
        audio.currentTime = Math.max(0, Math.min(seconds, audio.currentTime + move));
        draw();
      } else if (step) neighbour(take, step);
      else return;
      event.preventDefault();
    });
    for (const kind of ["play", "pause", "ended", "seeked"]) audio.addEventListener(kind, face);
    face();
  }

  const neighbour = (take, step) => {
    const cell = take.closest("td"), rows = all(".listen tbody tr");
    let i = rows.indexOf(cell.parentNode) + step;
    for (; i >= 0 && i < rows.length; i += step) {
      const next = all(".take:not([hidden])", rows[i].cells[cell.cellIndex])
        .find((other) => other.audio);
      if (!next) continue;
      const playing = !take.audio.paused, at = take.audio.currentTime;
      next.button.focus();
      if (playing) next.start(at);
      return;
    }
  };

  // Seeds. A row that needs no seed has one take, shown with every seed.
  for (const radio of all(".seeds input")) {
    radio.addEventListener("change", () => {
      current?.pause();
      for (const take of all(".take[data-seed]")) take.hidden = take.dataset.seed !== radio.value;
    });
  }
})();
"""
