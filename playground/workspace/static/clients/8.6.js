import { start } from '../client.js';
import { bursts } from './fetch.js';

start(bursts);
