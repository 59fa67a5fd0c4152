"use strict";
(() => {
  const { sample, columns, labels, crops } = JSON.parse(document.getElementById("data").textContent);
  const at = (id) => document.getElementById(id);
  const key = `curves-labels-${sample}`;
  const number = new Map(crops.map((crop, place) => [crop.name, place]));
  // given: by crop's name, the label's number and when it was given.
  let state = { labeller: "", place: 0, given: {} };

  const tell = (words) => { at("status").textContent = words; };

  const keep = () => {
    try {
      localStorage.setItem(key, JSON.stringify(state));
    } catch {
      tell("This browser keeps nothing: save the labels before you close the page.");
    }
  };

  const resume = () => {
    try {
      state = { ...state, ...JSON.parse(localStorage.getItem(key)) };
    } catch {
      tell("What this browser had kept cannot be read; go on from a saved file.");
    }
  };

  const done = () => Object.keys(state.given).length;

  const show = () => {
    const crop = crops[state.place];
    const given = state.given[crop.name];
    at("crop").src = crop.picture;
    at("given").textContent = given ? `labelled ${labels[given[0]]}` : "";
    at("where").textContent = `Crop ${state.place + 1} of ${crops.length}; ${done()} labelled`;
    at("progress").value = done();
    at("labeller").value = state.labeller;
    for (const button of document.querySelectorAll("[data-label]"))
      button.setAttribute("aria-pressed", String(given !== undefined && given[0] === Number(button.dataset.label)));
  };

  const go = (place) => {
    state.place = (place + crops.length) % crops.length;
    keep();
    show();
  };

  // The next crop without a label, or the next one if there is none.
  const onwards = () => {
    for (let step = 1; step <= crops.length; step += 1) {
      const place = (state.place + step) % crops.length;
      if (!state.given[crops[place].name]) return place;
    }
    return state.place;
  };

  const named = () => {
    if (state.labeller) return true;
    tell("Write your name first.");
    at("labeller").focus();
    return false;
  };

  const label = (choice) => {
    if (!named()) return;
    state.given[crops[state.place].name] = [choice, new Date().toISOString()];
    tell(done() === crops.length ? "All crops are labelled. Save the labels." : "");
    go(onwards());
  };

  const quoted = (text) => (/[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text);

  const table = () => {
    const rows = crops.filter(({ name }) => state.given[name]).map(({ name }) => {
      const [choice, time] = state.given[name];
      return [sample, name, labels[choice], state.labeller, time];
    });
    return [columns, ...rows].map((row) => `${row.map(quoted).join(",")}\n`).join("");
  };

  const save = () => {
    if (!named()) return;
    const link = document.createElement("a");
    const who = state.labeller.replace(/[^\p{L}\p{N}]+/gu, "-");
    link.href = URL.createObjectURL(new Blob([table()], { type: "text/csv" }));
    link.download = `labels-${who}-${sample.slice(0, 8)}.csv`;
    link.click();
    URL.revokeObjectURL(link.href);
    tell(`Saved ${done()} labels as ${link.download}.`);
  };

  const parsed = (text) => {
    const rows = [[]];
    for (const [, field, plain, end] of text.matchAll(/(?:"((?:[^"]|"")*)"|([^",\r\n]*))(,|\r?\n|$)/g)) {
      rows.at(-1).push(field === undefined ? plain : field.replaceAll('""', '"'));
      if (end !== ",") rows.push([]);
    }
    return rows.filter((row) => row.length === columns.length);
  };

  const load = async (file) => {
    const [head, ...rows] = parsed((await file.text()).replace(/^\uFEFF/, ""));
    if (head === undefined || head.join() !== columns.join()) return tell(`${file.name} is no file of labels.`);
    if (rows.some((row) => row[0] !== sample)) return tell(`${file.name} has labels of other crops.`);
    if (rows.some(([, name, choice]) => !number.has(name) || !labels.includes(choice)))
      return tell(`${file.name} names a crop or a label that there is not.`);
    if (new Set(rows.map((row) => row[3])).size !== 1) return tell(`${file.name} is not of one person.`);
    state.labeller = rows[0][3];
    for (const [, name, choice, , time] of rows) state.given[name] = [labels.indexOf(choice), time];
    tell(`Read ${rows.length} labels from ${file.name}.`);
    return go(onwards());
  };

  at("labeller").addEventListener("input", ({ target }) => { state.labeller = target.value.trim(); keep(); });
  at("labeller").addEventListener("keydown", ({ key: pressed, target }) => { if (pressed === "Enter") target.blur(); });
  at("back").addEventListener("click", () => go(state.place - 1));
  at("skip").addEventListener("click", () => go(state.place + 1));
  at("save").addEventListener("click", save);
  at("load").addEventListener("change", ({ target }) => { load(target.files[0]); target.value = ""; });
  at("clear").addEventListener("click", () => {
    if (!window.confirm("Forget all labels that are kept in this browser?")) return;
    state = { labeller: state.labeller, place: 0, given: {} };
    go(0);
  });
  for (const button of document.querySelectorAll("[data-label]"))
    button.addEventListener("click", () => label(Number(button.dataset.label)));

  document.addEventListener("keydown", (event) => {
    if (event.target === at("labeller") || event.ctrlKey || event.metaKey || event.altKey || event.repeat) return;
    const choice = labels.findIndex((_, place) => event.key === String(place + 1));
    const moves = { ArrowLeft: () => go(state.place - 1), ArrowRight: () => go(state.place + 1), s: save, S: save };
    if (choice >= 0) label(choice);
    else if (moves[event.key]) moves[event.key]();
    else return;
    event.preventDefault();
  });

  resume();
  show();
})();
