"use strict";
(() => {
  const SILENCE_BEFORE_TOKEN = 3000;
  const SILENCE_BEFORE_WORDS = 8000;

  const source = document.getElementById("handoff");
  const { origins, mode, token } = JSON.parse(source.textContent);
  source.remove();

  const show = (id) => {
    for (const part of ["waiting", "refused", "silent", "alone"]) {
      document.getElementById(part).hidden = part !== id;
    }
  };
  if (window.parent === window) {
    show("alone");
    return;
  }

  const ancestors = window.location.ancestorOrigins;
  const parent = ancestors && ancestors.length ? ancestors[0] : null;
  const targets = origins.includes(parent) ? [parent] : origins;
  const post = (message) => targets.forEach((origin) => window.parent.postMessage(message, origin));

  let timer;
  let handedOver = false;
  const handOver = () => {
    handedOver = true;
    clearTimeout(timer);
    timer = setTimeout(show, SILENCE_BEFORE_WORDS, "silent");
    post({ event: "login-with-token", ...token });
  };

  window.addEventListener("message", (event) => {
    if (event.source !== window.parent || !origins.includes(event.origin)) return;
    const answer = event.data;
    if (typeof answer !== "object" || answer === null || answer.event !== "login-error") return;
    if (!handedOver) {
      handOver();
      return;
    }
    clearTimeout(timer);
    if (typeof answer.response === "string" && answer.response.trim()) {
      const words = document.getElementById("words");
      words.querySelector("q").textContent = answer.response.trim().slice(0, 200);
      words.hidden = false;
    }
    show("refused");
  });

  if (mode === "retry") {
    timer = setTimeout(handOver, SILENCE_BEFORE_TOKEN);
    post({ event: "try-iframe-login" });
  } else {
    handOver();
  }
})();
