// Cookies blocked, simulated: the checks are sent without credentials, by fetch and by XMLHttpRequest alike.
'use strict';

(() => {
  const settings = document.body.dataset;
  const blocked = (address) => settings.cookies === 'blocked' && String(address).startsWith(settings.apiUrl);

  const plainFetch = window.fetch;
  window.fetch = (address, options) =>
    plainFetch(address, blocked(address) ? { ...options, credentials: 'omit' } : options);

  const { open, send } = XMLHttpRequest.prototype;
  const addresses = new WeakMap();
  XMLHttpRequest.prototype.open = function (method, address, ...rest) {
    addresses.set(this, address);
    return open.call(this, method, address, ...rest);
  };
  XMLHttpRequest.prototype.send = function (body) {
    if (blocked(addresses.get(this))) this.withCredentials = false;
    return send.call(this, body);
  };
})();
