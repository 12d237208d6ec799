"use strict";
(() => {
  const SILENCE_BEFORE_WORDS = 60000;
  const TOKEN = /^[\x21-\x7e]{1,4096}$/;

  const relays = document.getElementById("relays");
  // Alone there is nobody to ask; form.js may have put another page in the place of this one.
  if (!relays || window.parent === window) return;

  const { origins, calls } = JSON.parse(document.getElementById("relay").textContent);
  const ancestors = window.location.ancestorOrigins;
  const parent = ancestors && ancestors.length ? ancestors[0] : null;
  const targets = origins.includes(parent) ? [parent] : origins;

  const intro = document.querySelector("#framed > .intro");
  const ways = document.getElementById("ways");
  const asking = document.getElementById("asking");
  const [words, later] = asking.querySelectorAll("p");
  const progress = asking.querySelector(".progress");
  const cancel = document.getElementById("cancel");
  const failed = document.getElementById("failed");
  const quoted = document.getElementById("words");

  let asked = null; // the button whose answer is awaited
  let timer;

  const show = (text) => {
    intro.hidden = text !== "";
    ways.hidden = text !== "";
    progress.hidden = text === "";
    words.textContent = text;
    later.textContent = "";
  };
  const ask = (button) => {
    asked = button;
    const error = document.getElementById("error");
    if (error) error.hidden = true;
    failed.hidden = true;
    show(button.dataset.waiting);
    cancel.hidden = false;
    cancel.focus();
    timer = setTimeout(() => {
      later.textContent = asking.dataset.silent;
    }, SILENCE_BEFORE_WORDS);
    targets.forEach((origin) => window.parent.postMessage(calls[button.dataset.provider], origin));
  };
  const stop = () => {
    clearTimeout(timer);
    cancel.hidden = true;
    const button = asked;
    asked = null;
    return button;
  };
  const rest = () => {
    const button = stop();
    show("");
    // In a low window the button and the words above the form are not in view together: the words are news.
    if (button) button.focus({ preventScroll: !failed.hidden });
    return button;
  };

  const saidBy = (error) => {
    const text = error && typeof error === "object" ? error.reason || error.message : error;
    return typeof text === "string" ? text.trim().slice(0, 200) : "";
  };
  const fail = (error) => {
    const said = saidBy(error);
    quoted.querySelector("q").textContent = said;
    quoted.hidden = said === "";
    failed.hidden = false;
    failed.querySelector(".error p").textContent = rest().dataset.failed;
    failed.scrollIntoView({ block: "nearest" });
  };

  // Of all that an answer says, only the token is evidence; whose it is, the provider is asked.
  const evidence = {
    facebook: ({ authResponse }) => ({ token: authResponse.accessToken }),
    google: ({ oauthToken, accessToken }) => ({ token: oauthToken || accessToken }),
    twitter: ({ token, secret }) => ({ token, secret }),
  };
  const read = (provider, response) => {
    try {
      const fields = evidence[provider](response);
      return Object.values(fields).every((value) => typeof value === "string" && TOKEN.test(value)) ? fields : null;
    } catch {
      return null;
    }
  };
  const send = (fields) => {
    const form = document.createElement("form");
    form.method = "post";
    form.action = stop().dataset.action;
    form.hidden = true;
    for (const [name, value] of Object.entries(fields)) {
      form.append(Object.assign(document.createElement("input"), { type: "hidden", name, value }));
    }
    show(asking.dataset.sending);
    document.body.append(form);
    form.submit();
    // What is sent has been read by now, and the page need not keep it.
    form.remove();
  };

  window.addEventListener("message", (event) => {
    if (event.source !== window.parent || !origins.includes(event.origin)) return;
    const answer = event.data;
    if (!asked || typeof answer !== "object" || answer === null) return;
    const { provider } = asked.dataset;
    if (answer.event === `${provider}-login-success`) {
      const fields = read(provider, answer.response);
      if (fields) send(fields);
      else fail(null);
    } else if (answer.event === `${provider}-login-error`) {
      fail(answer.error);
    }
  });

  relays.querySelectorAll("button").forEach((button) => button.addEventListener("click", () => ask(button)));
  cancel.addEventListener("click", rest);
  window.addEventListener("pageshow", ({ persisted }) => persisted && rest());
  relays.hidden = false;
})();
