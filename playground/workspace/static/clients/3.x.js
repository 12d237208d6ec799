import { start } from '../client.js';
import { byRequest } from './xhr.js';

start(byRequest);
