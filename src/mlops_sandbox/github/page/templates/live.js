// Loads the page again when the pull request has changed, but never while somebody writes.
(() => {
  const text = document.querySelector("#write textarea");
  const newer = document.querySelector("#write .newer");
  const address = `${location.pathname}.version`;
  const shown = document.querySelector("#write").dataset.version;

  async function look() {
    try {
      const answer = await fetch(address, { cache: "no-store" });
      const version = answer.ok ? await answer.text() : shown;
      if (version !== shown) {
        if (!text.value && document.activeElement !== text) return location.reload();
        newer.hidden = false;
      }
    } catch {
      // The sandbox has stopped: the page stays as it is.
    }
    setTimeout(look, 1000);
  }

  text.addEventListener("keydown", (event) => {
    if (event.key === "Enter" && (event.ctrlKey || event.metaKey) && text.form.reportValidity()) text.form.requestSubmit();
  });
  look();
})();
