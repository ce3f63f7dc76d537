/* SPDX-License-Identifier: Apache-2.0
 *
 * theme.js - light, dark, or as the system is. It runs before the page is drawn, so that no page
 * of the wrong colour flashes by; the choice is kept in the browser.
 */
"use strict";
(() => {
  const choices = ["system", "light", "dark"], name = "omnesia-theme";
  const dark = matchMedia("(prefers-color-scheme: dark)");
  let now = "system";
  try { now = localStorage.getItem(name) || now; } catch { /* none is kept */ }
  if (!choices.includes(now)) now = "system";

  const show = () => {
    const system = dark.matches ? "dark" : "light";
    document.documentElement.dataset.theme = now === "system" ? system : now;
    const button = document.getElementById("theme");
    if (button) button.textContent = `Theme: ${now}`;
  };
  show();
  dark.addEventListener("change", show);
  document.addEventListener("DOMContentLoaded", () => {
    show();
    document.getElementById("theme").addEventListener("click", () => {
      now = choices[(choices.indexOf(now) + 1) % choices.length];
      try { localStorage.setItem(name, now); } catch { /* nor now */ }
      show();
    });
  });
})();
