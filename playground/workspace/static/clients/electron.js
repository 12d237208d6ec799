// The desktop app: the web client in a window of its own, known by its user agent.
import { start } from '../client.js';
import { bursts } from './fetch.js';

// A browser that plays the desktop app keeps its own user agent on the wire; scripts see this one.
if (!navigator.userAgent.includes('Electron/')) {
  const worn = `${navigator.userAgent} Electron/30.0.0`;
  Object.defineProperty(navigator, 'userAgent', { get: () => worn });
}

const frameAddress = (address) =>
  navigator.userAgent.includes('Electron/') ? `${address}${address.includes('?') ? '&' : '?'}client=electron` : address;

start({ ...bursts, frameAddress });
