// A web client that signs in through an iframe as Rocket.Chat 8.6 does. Written for the playground.
'use strict';

(() => {
  const settings = document.body.dataset;
  const TOKEN = 'Meteor.loginToken';
  const USER = 'Meteor.userId';
  const id = (name) => document.getElementById(name);
  const shorten = (token) => (typeof token === 'string' && token.length > 6 ? `${token.slice(0, 6)}…` : '…');

  let connection = null; // {user, token} while somebody is logged in

  // ---- reports to the inspector: sent in order, several at once where they pile up
  const now = () => performance.timeOrigin + performance.now();
  const reports = [];
  let sending = false;

  async function send() {
    if (sending) return;
    sending = true;
    while (reports.length) {
      const body = JSON.stringify(reports.splice(0, 50));
      try {
        await fetch('/_playground/trace', { method: 'POST', body, keepalive: true });
      } catch {
        break; // the playground has ended
      }
    }
    sending = false;
  }

  function begin(kind, title, detail = '') {
    const entry = { ref: `${now()}-${Math.random()}`, at: now(), kind, title, detail };
    reports.push({ ...entry });
    send();
    return (outcome, result, more = detail) => {
      reports.push({ ...entry, outcome, result, detail: more, took: now() - entry.at });
      send();
    };
  }

  function note(kind, title, outcome, result = '', detail = '') {
    reports.push({ ref: `${now()}-${Math.random()}`, at: now(), kind, title, outcome, result, detail, took: 0 });
    send();
  }

  // ---- what is shown
  function show(name) {
    for (const section of id('main').children) section.hidden = section.id !== name;
    if (name !== 'frame') id('frame').replaceChildren();
  }

  function showWaiting(text) {
    id('wait-text').textContent = text;
    show('wait');
  }

  function showSignedOut() {
    if (settings.iframe !== 'on') return show('form');
    if (!id('frame').firstChild) {
      const frame = document.createElement('iframe');
      frame.title = 'Sign in';
      frame.src = settings.iframeUrl;
      id('frame').append(frame);
    }
    return show('frame');
  }

  function showSignedIn() {
    const { user, token } = connection;
    id('avatar').textContent = user.name.slice(0, 1);
    id('me-name').textContent = user.name;
    id('me-username').textContent = `@${user.username}`;
    id('me-token').textContent = shorten(token);
    id('welcome').textContent = `You are signed in as ${user.name}.`;
    id('since').textContent = new Date().toLocaleTimeString([], { hour: '2-digit', minute: '2-digit' });
    show('home');
  }

  // ---- logging in: endpoints of the stand-in take the place of the methods of a websocket
  async function call(name, body) {
    const response = await fetch(`/_client/${name}`, { method: 'POST', body: JSON.stringify(body) });
    return response.json();
  }

  async function login(method, body) {
    const answer = await call(method, body);
    if (!answer.user) throw Object.assign(new Error(answer.message), { error: answer.error });
    connection = { user: answer.user, token: answer.token };
    localStorage.setItem(TOKEN, answer.token);
    localStorage.setItem(USER, answer.user.id);
    showSignedIn();
  }

  function forget() {
    connection = null;
    localStorage.removeItem(TOKEN);
    localStorage.removeItem(USER);
  }

  // A body with both keys starts both logins, and they fight.
  function loginsOf(body) {
    const started = [];
    if (body && body.loginToken) started.push(login('resume', { token: body.loginToken }));
    if (body && body.token) started.push(login('iframe', { token: body.token }));
    if (!started.length) throw new Error('');
    return Promise.all(started);
  }

  // ---- the session check: only the status 200 counts
  async function check(which) {
    const finish = begin('check', `Session check${which}`, `${settings.apiMethod} ${settings.apiUrl}`);
    let response;
    let body;
    try {
      response = await fetch(settings.apiUrl, { method: settings.apiMethod, credentials: 'include' });
    } catch (error) {
      finish('bad', 'no answer, or CORS refused it');
      throw error;
    }
    if (response.status !== 200) {
      finish(response.status === 401 ? 'plain' : 'bad', response.status === 401 ? '401 not signed in' : `${response.status}`);
      throw new Error(response.statusText);
    }
    try {
      body = await response.json();
    } catch (error) {
      finish('bad', '200, but no JSON');
      throw error;
    }
    const keys = ['loginToken', 'token'].filter((key) => body && body[key]);
    const tokens = keys.map((key) => `${key} ${shorten(body[key])}`).join(' and ');
    finish(keys.length === 1 ? 'good' : 'bad', `200 ${tokens || 'without a token'}`);
    await loginsOf(body);
  }

  async function burst(count) {
    const checks = Array.from({ length: count }, (_, index) => check(` ${index + 1} of ${count}`));
    return (await Promise.allSettled(checks)).some((each) => each.status === 'fulfilled');
  }

  // ---- messages: as in the real client, nobody looks at their origin
  const described = (data) =>
    ['loginToken', 'token'].filter((key) => data[key]).map((key) => `${key} ${shorten(data[key])}`).join(', ');

  window.addEventListener('message', async (message) => {
    const { data, source, origin } = message;
    if (typeof data !== 'object' || data === null || !('event' in data)) return;
    const known = new Map([
      ['try-iframe-login', () => check('')],
      ['login-with-token', () => loginsOf(data)],
    ]).get(data.event);
    const result = known ? `from ${origin}` : 'ignored, as current clients do';
    note('message', `Page → workspace: ${String(data.event).slice(0, 60)}`, 'plain', result, described(data));
    if (!known) return;
    try {
      await known();
    } catch (error) {
      const response = error.message;
      source.postMessage({ event: 'login-error', response }, origin);
      note('message', 'Workspace → page: login-error', 'bad', response || 'empty message', `to ${origin}`);
    }
  });

  // ---- logging out: the token ends first, then three checks ask whether the person is still signed in
  async function logOut() {
    if (!connection) return;
    const { token } = connection;
    showWaiting('Logging out…');
    await call('logout', { token });
    forget();
    if (settings.iframe === 'on' && (await burst(3))) {
      note('note', 'Logged straight back in', 'bad', 'a check after the logout answered 200 with a live token');
    }
    if (!connection) showSignedOut();
  }

  // ---- loading the page
  async function load() {
    const stored = localStorage.getItem(TOKEN);
    const on = settings.iframe === 'on';
    note('note', `Page loaded, ${stored ? 'with a stored login token' : 'signed out'}`, 'plain');
    if (!on) note('note', 'The iframe settings are incomplete', 'plain', "the workspace's own login form");
    const started = on ? [burst(stored ? 2 : 4)] : [];
    if (stored) {
      const resumed = login('resume', { token: stored }).catch(() => {
        if (!connection) forget();
      });
      started.push(resumed);
    }
    await Promise.allSettled(started);
    if (!connection) showSignedOut();
  }

  window.Meteor = {
    loginWithPassword(user, password, callback) {
      login('password', { user, password }).then(
        () => callback && callback(),
        (error) => (callback ? callback(error) : window.console.warn(`Login refused: ${error.message}`)),
      );
    },
    logout: logOut,
    userId: () => (connection ? connection.user.id : null),
  };

  id('logout').addEventListener('click', logOut);
  if (settings.siteUrl && new URL(settings.siteUrl).origin !== window.location.origin) {
    note('note', `This workspace's address is ${settings.siteUrl}`, 'bad', 'checks from another address are refused');
  }
  load();
})();
