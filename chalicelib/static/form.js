"use strict";
(() => {
  const form = document.querySelector("form");
  const alone = document.getElementById("alone");
  if (alone && window.parent === window) {
    document.getElementById("framed").replaceWith(alone.content);
    return;
  }

  document.querySelector("[data-focus]").focus({ preventScroll: true });

  const show = document.getElementById("show");
  if (show) {
    const password = document.getElementById("password");
    const state = document.getElementById("shown");
    const { hide, hideLabel, shown, hidden } = show.dataset;
    const words = show.textContent;
    const label = show.getAttribute("aria-label");
    const reveal = (revealed) => {
      password.type = revealed ? "text" : "password";
      show.textContent = revealed ? hide : words;
      show.setAttribute("aria-label", revealed ? hideLabel : label);
    };
    show.hidden = false;
    show.addEventListener("click", () => {
      reveal(password.type === "password");
      // Where the focus goes says nothing of the field's type: a screen reader hears it from here.
      state.textContent = password.type === "text" ? shown : hidden;
      password.focus();
    });
    // Password managers and browsers keep what is typed into a field of type password only.
    form.addEventListener("submit", () => reveal(false));
  }

  const submit = form.querySelector("[type=submit]");
  const words = submit.textContent;
  const rest = () => {
    submit.removeAttribute("aria-disabled");
    submit.textContent = words;
  };
  form.addEventListener("submit", (event) => {
    if (submit.hasAttribute("aria-disabled")) {
      event.preventDefault();
      return;
    }
    submit.setAttribute("aria-disabled", "true");
    submit.textContent = form.dataset.busy;
  });
  window.addEventListener("pageshow", rest);
})();
