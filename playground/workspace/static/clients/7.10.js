// 7.10: as 8.6, but a dead token in an answer of 200 makes it ask again, and again.
import { note, start } from '../client.js';
import { bursts } from './fetch.js';

const MOST_ROUNDS = 20; // the stand-in stops here

async function afterDeadToken(check) {
  for (let round = 1; round <= MOST_ROUNDS; round += 1) {
    try {
      await check(`, asked again: ${round}`);
      return true;
    } catch (error) {
      if (!error.dead) return false;
    }
  }
  note('note', 'The client runs in circles', 'bad', `dead tokens answered 200: stopped after ${MOST_ROUNDS} more checks`);
  return false;
}

start({ ...bursts, afterDeadToken });
