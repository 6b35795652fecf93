"use strict";
// Pictures open large: as wide as the window, and never smaller than on the page.
{
  const dialog = document.createElement("dialog");
  document.body.append(dialog);
  dialog.addEventListener("click", () => dialog.close());
  document.addEventListener("click", (event) => {
    const link = event.target.closest("figure > a");
    if (!link || event.ctrlKey || event.metaKey) return;
    event.preventDefault();
    const small = link.querySelector("img");
    const large = small.cloneNode();
    const ratio = small.naturalWidth / small.naturalHeight;
    const fits = Math.min(0.97 * innerWidth, 0.95 * innerHeight * ratio);
    large.width = Math.max(fits, small.getAttribute("width"));
    dialog.replaceChildren(large);
    dialog.showModal();
  });
}
// Of a pair the second picture lies over the first, from where the slider stands.
for (const pair of document.querySelectorAll(".pair")) {
  const slider = document.createElement("input");
  slider.type = "range";
  slider.step = "any";
  const names = [...pair.querySelectorAll("figcaption")].map((x) => x.textContent);
  slider.setAttribute("aria-label", names.join(" | "));
  slider.addEventListener("input", () =>
    pair.style.setProperty("--at", `${slider.value}%`),
  );
  pair.classList.add("slides");
  pair.append(slider);
}
