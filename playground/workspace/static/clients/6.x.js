import { start } from '../client.js';
import { withContentType } from './fetch.js';

start(withContentType);
