// Keys, buttons, files that are dropped and pasted.

const $ = (id) => document.getElementById(id);

export function listen(page) {
  const { album, downloads, form, history, settings, status, viewer } = page;
  const keys = {
    n: () => album.step(1), p: () => album.step(-1), d: () => !$("download").disabled && downloads.one(),
    b: () => album.shown?.grid && viewer.showUncorrected(true), "?": () => $("keys").showModal(),
  };
  document.addEventListener("keydown", (event) => {
    if ($("keys").open || event.altKey || event.target.matches("input[type=number], input[type=text]")) return;
    const key = event.key.toLowerCase();
    let action = event.target.matches("select") ? null : keys[key];
    if (event.ctrlKey || event.metaKey) {
      action = { z: () => (event.shiftKey ? history.redo() : history.undo()), y: () => history.redo() }[key];
    }
    if (!action) return;
    event.preventDefault();
    if (!event.repeat || event.ctrlKey || event.metaKey) action();
  });
  document.addEventListener("keyup", (event) => event.key.toLowerCase() === "b" && viewer.showUncorrected(false));
  window.addEventListener("blur", () => viewer.showUncorrected(false));
  window.addEventListener("beforeunload", (event) => !downloads.areComplete && event.preventDefault());

  const onClick = (id, action) => $(id).addEventListener("click", action);
  onClick("reset", () => album.shown && settings.applyAsStep([[album.shown, form.defaults(form.light)]]));
  onClick("use-for-all", () => {
    settings.applyAsStep(album.photographs.map((photograph) => [photograph, album.shown.settings]));
    status.announce("Used for all photographs");
  });
  onClick("undo", () => history.undo());
  onClick("redo", () => history.redo());
  onClick("download", () => downloads.one());
  onClick("download-all", () => downloads.all());
  onClick("zoom-in", () => viewer.zoomTo(viewer.scale * 1.25));
  onClick("zoom-out", () => viewer.zoomTo(viewer.scale / 1.25));
  onClick("zoom-fit", () => viewer.fit());
  onClick("zoom-full", () => viewer.zoomTo(1));
  onClick("show-keys", () => $("keys").showModal());
  const compare = $("compare");
  compare.addEventListener("pointerdown", () => viewer.showUncorrected(true));
  for (const end of ["pointerup", "pointerleave", "pointercancel"]) compare.addEventListener(end, () => viewer.showUncorrected(false));
  compare.addEventListener("keydown", (event) => [" ", "Enter"].includes(event.key) && viewer.showUncorrected(true));
  compare.addEventListener("keyup", () => viewer.showUncorrected(false));
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => status.updateCaption());
}

// add(files): called with what is chosen, dropped or pasted
export function listenForFiles(add) {
  for (const button of document.querySelectorAll(".choose")) button.addEventListener("click", () => $("files").click());
  $("files").addEventListener("change", () => {
    add([...$("files").files]);
    $("files").value = "";
  });
  document.addEventListener("dragover", (event) => {
    event.preventDefault();
    document.body.classList.add("dragging");
  });
  document.addEventListener("dragleave", (event) => {
    if (!event.relatedTarget) document.body.classList.remove("dragging");
  });
  document.addEventListener("drop", (event) => {
    event.preventDefault();
    document.body.classList.remove("dragging");
    add([...event.dataTransfer.files]);
  });
  document.addEventListener("paste", (event) => add([...event.clipboardData.files]));
}
