"use strict";
(() => {
  const logo = document.getElementById("logo");
  const giveUp = () => {
    logo.hidden = true;
    document.getElementById("sign").hidden = false;
  };
  if (logo.complete && !logo.naturalWidth) giveUp();
  logo.addEventListener("error", giveUp);
})();
