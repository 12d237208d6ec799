// The workspace's own social logins: a window of the provider's, whose answer goes to the page that asked for it.
// The providers are stand-ins too, and give their grants to the window that opened theirs.
import { id, note, settings } from '../client.js';

const PULSE = 300; // how often a window that may have been closed by hand is looked at
const providers = JSON.parse(settings.providers);
const names = ['facebook', 'google', 'twitter'];

/** Events for which no application is configured, with the reason. */
export const unserved = new Map(
  names
    .filter((name) => !(name in providers))
    .map((name) => [`call-${name}-login`, 'known, not answered: no social login is configured']),
);

// A click within a frame counts for the pages around it, so a browser opens the window; where it does not, ask.
function opened(address) {
  const show = () => window.open(address, '_blank', 'popup,width=460,height=560');
  const blocked = id('blocked');
  return new Promise((resolve) => {
    const popup = show();
    blocked.hidden = Boolean(popup);
    if (popup) resolve(popup);
    id('allow').onclick = () => {
      blocked.hidden = true;
      resolve(show());
    };
  });
}

// What the window says, or that it was closed.
function answerOf(popup, provider) {
  const { origin } = new URL(providers[provider]);
  return new Promise((resolve) => {
    const finish = (answer) => {
      clearInterval(pulse);
      window.removeEventListener('message', hear);
      resolve(answer);
    };
    const hear = (message) => {
      if (message.source === popup && message.origin === origin) finish(message.data.answer);
    };
    let closed = 0; // what it posted before it closed may still be under way
    const pulse = setInterval(() => {
      closed += popup.closed ? 1 : 0;
      if (closed > 1) finish({ event: `${provider}-login-error`, error: 'The window was closed.' });
    }, PULSE);
    window.addEventListener('message', hear);
  });
}

async function run(provider, { source, origin }) {
  const address = `${providers[provider]}/consent?origin=${encodeURIComponent(window.location.origin)}`;
  const answer = await answerOf(await opened(address), provider);
  source.postMessage(answer, origin);
  const good = answer.event.endsWith('-success');
  note('message', `Workspace → page: ${answer.event}`, good ? 'good' : 'bad', good ? '' : answer.error, `to ${origin}`);
}

/** The events that are served, each with what it does. */
export const serves = (message) =>
  Object.keys(providers).map((provider) => [`call-${provider}-login`, () => run(provider, message)]);
