// The mobile app: the workspace's own web client in a web view, with a listener of the app's in its window.
// What the app does itself goes past the web view: it has no cookie of it. The line above the page is the app's.
import { begin, call, id, note, shorten, showSignedIn, showWaiting, start } from '../client.js';
import { bursts } from './fetch.js';

const TOKEN = 'app.loginToken'; // where the app keeps its login, which is not the web client's

function say(text) {
  id('app').textContent = text;
  id('app').hidden = false;
}

// `resume` takes native login tokens; the app puts whatever it was given in there.
async function logIn(resume) {
  const answer = await call('resume', { token: resume });
  if (!answer.user) {
    say(`The app is not signed in. It takes native login tokens alone, and ${shorten(resume)} was refused: ${answer.message}`);
    return;
  }
  localStorage.setItem(TOKEN, answer.token);
  window.location.reload(); // the web view closes
}

async function ask() {
  const finish = begin('check', 'Session check by the app', 'outside the web view, without its cookies');
  const answer = await (await fetch('/_client/app-check', { method: 'POST' })).json();
  let body;
  try {
    body = JSON.parse(answer.body);
  } catch {
    finish('bad', `${answer.status} without a body that the app can read`);
    say(`The app is not signed in. It asked by itself, without the browser's cookies, and was answered ${answer.status}.`);
    return;
  }
  const resume = body && (body.login || body.loginToken);
  finish(resume ? 'good' : 'bad', `${answer.status} ${resume ? `with ${shorten(resume)}` : 'without login or loginToken'}`);
  if (resume) await logIn(resume);
}

// One thing at a time: what the app says last is about what it was told last.
let turn = Promise.resolve();
const inTurn = (work) => {
  turn = turn.then(work);
};

function openWebView() {
  say('The app is not signed in yet: this is its web view.');
  window.addEventListener('message', ({ data }) => {
    if (typeof data !== 'object' || data === null) return;
    if (data.event === 'try-iframe-login') inTurn(ask);
    if (data.event === 'login-with-token') inTurn(() => logIn(data.token || data.loginToken));
  });
  start(bursts);
}

async function open() {
  const token = localStorage.getItem(TOKEN);
  const answer = token ? await call('resume', { token }) : {};
  if (!answer.user) {
    localStorage.removeItem(TOKEN);
    openWebView();
    return;
  }
  note('note', 'The app opens, signed in', 'plain', 'no web view, no session check');
  say(`The app is signed in as ${answer.user.name}.`);
  showSignedIn(answer);
  id('logout').addEventListener('click', async () => {
    showWaiting('Logging out…');
    await call('logout', { token });
    localStorage.removeItem(TOKEN);
    window.location.reload();
  });
}

open();
