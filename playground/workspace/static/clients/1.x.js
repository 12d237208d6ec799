// 1.x: as 3.x, and it serves the workspace's own social logins.
import { start } from '../client.js';
import { serves, unserved } from './social.js';
import { byRequest } from './xhr.js';

start({ ...byRequest, serves, unserved });
