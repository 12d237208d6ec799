// What all web clients of the stand-in have in common; a script of clients/ says what is different and starts it.
// Written for the playground.

export const settings = document.body.dataset;
const TOKEN = 'Meteor.loginToken';
const USER = 'Meteor.userId';
export const id = (name) => document.getElementById(name);
export const shorten = (token) => (typeof token === 'string' && token.length > 6 ? `${token.slice(0, 6)}…` : '…');

let connection = null; // {user, token} while somebody is logged in
let client; // what is different: see clients/fetch.js

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

export function begin(kind, title, detail = '') {
  const entry = { ref: `${now()}-${Math.random()}`, at: now(), kind, title, detail };
  reports.push({ ...entry });
  send();
  return (outcome, result, more = detail) => {
    reports.push({ ...entry, outcome, result, detail: more, took: now() - entry.at });
    send();
  };
}

export function note(kind, title, outcome, result = '', detail = '') {
  reports.push({ ref: `${now()}-${Math.random()}`, at: now(), kind, title, outcome, result, detail, took: 0 });
  send();
}

// ---- what is shown
function show(name) {
  for (const section of id('main').children) section.hidden = section.id !== name;
  if (name !== 'frame') id('frame').replaceChildren();
}

export function showWaiting(text) {
  id('wait-text').textContent = text;
  show('wait');
}

function showSignedOut() {
  if (settings.iframe !== 'on') return show('form');
  if (!id('frame').firstChild) {
    const frame = document.createElement('iframe');
    frame.title = 'Sign in';
    frame.src = client.frameAddress ? client.frameAddress(settings.iframeUrl) : settings.iframeUrl;
    id('frame').append(frame);
  }
  return show('frame');
}

export function showSignedIn({ user, token }) {
  id('avatar').textContent = user.name.slice(0, 1);
  id('me-name').textContent = user.name;
  id('me-username').textContent = `@${user.username}`;
  id('me-token').textContent = shorten(token);
  id('welcome').textContent = `You are signed in as ${user.name}.`;
  id('since').textContent = new Date().toLocaleTimeString([], { hour: '2-digit', minute: '2-digit' });
  show('home');
}

// ---- logging in: endpoints of the stand-in take the place of the methods of a websocket, one after the other as there:
// a logout must not overtake a login whose answer would then undo it
let line = Promise.resolve();

export function call(name, body) {
  const answer = line.then(async () => {
    const response = await fetch(`/_client/${name}`, { method: 'POST', body: JSON.stringify(body) });
    return response.json();
  });
  line = answer.catch(() => {});
  return answer;
}

async function login(method, body) {
  const answer = await call(method, body);
  if (!answer.user) throw Object.assign(new Error(answer.message), { error: answer.error });
  connection = { user: answer.user, token: answer.token };
  localStorage.setItem(TOKEN, answer.token);
  localStorage.setItem(USER, answer.user.id);
  showSignedIn(connection);
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

// ---- the session check: only the status 200 counts. A token that the workspace refuses makes its error `dead`.
async function check(which) {
  const finish = begin('check', `Session check${which}`, `${settings.apiMethod} ${settings.apiUrl}`);
  let response;
  let body;
  try {
    response = await client.ask(settings.apiMethod, settings.apiUrl);
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
  try {
    await loginsOf(body);
  } catch (error) {
    throw Object.assign(error, { dead: keys.length > 0 });
  }
}

async function burst(count) {
  const checks = Array.from({ length: count }, (_, index) => check(count > 1 ? ` ${index + 1} of ${count}` : ''));
  const answers = await Promise.allSettled(checks);
  if (answers.some((each) => each.status === 'fulfilled')) return true;
  const dead = answers.some((each) => each.reason.dead);
  return dead && client.afterDeadToken ? client.afterDeadToken(check) : false;
}

// ---- messages: as in the real client, nobody looks at their origin
const described = (data) =>
  ['loginToken', 'token'].filter((key) => data[key]).map((key) => `${key} ${shorten(data[key])}`).join(', ');

async function hear(message) {
  const { data, source, origin } = message;
  if (typeof data !== 'object' || data === null || !('event' in data)) return;
  const known = new Map([
    ['try-iframe-login', () => check('')],
    ['login-with-token', () => loginsOf(data)],
    ...(client.serves ? client.serves(message) : []),
  ]).get(data.event);
  const unserved = client.unserved && client.unserved.get(data.event);
  const result = known ? `from ${origin}` : unserved || 'ignored, as current clients do';
  note('message', `Page → workspace: ${String(data.event).slice(0, 60)}`, 'plain', result, described(data));
  if (!known) return;
  try {
    await known();
  } catch (error) {
    const response = error.message;
    source.postMessage({ event: 'login-error', response }, origin);
    note('message', 'Workspace → page: login-error', 'bad', response || 'empty message', `to ${origin}`);
  }
}

// ---- logging out: the token ends first, then the checks ask whether the person is still signed in
async function logOut() {
  if (!connection) return;
  const { token } = connection;
  showWaiting('Logging out…');
  await call('logout', { token });
  forget();
  if (settings.iframe === 'on' && (await burst(client.checksAtLogout))) {
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
  const started = on ? [burst(client.checksAtLoad(Boolean(stored)))] : [];
  if (stored) {
    const resumed = login('resume', { token: stored }).catch(() => {
      if (!connection) forget();
    });
    started.push(resumed);
  }
  await Promise.allSettled(started);
  if (!connection) showSignedOut();
}

export function start(different) {
  client = different;
  window.addEventListener('message', hear);
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
}

// ---- the switch
id('client').addEventListener('change', async (event) => {
  await fetch('/_playground/client', { method: 'POST', body: JSON.stringify({ client: event.target.value }) });
  window.location.reload();
});
