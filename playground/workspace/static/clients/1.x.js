import { start } from '../client.js';
import { withSocialLogins } from './xhr.js';

start(withSocialLogins);
