// The clients that check with fetch. Each object says what is different about a client:
//   ask(method, address): one session check, {status, statusText, json()}
//   checksAtLoad(stored), checksAtLogout: how many at once
//   frameAddress(address): what becomes of the IFrame URL; as it is without this
//   afterDeadToken(check): what follows where a check answered 200 with a dead token; nothing without this
//   serves(message): further events with what it does at each; none without this
//   unserved: events that it knows and cannot serve, with the reason

/** 8.6: no body, no header; four checks at a load, two where a login is stored, three at a logout. */
export const bursts = {
  ask: (method, address) => fetch(address, { method, credentials: 'include' }),
  checksAtLoad: (stored) => (stored ? 2 : 4),
  checksAtLogout: 3,
};

/** 6.x: a JSON content type, so the browser sends a preflight first, for GET too. How many at once is not known: one. */
export const withContentType = {
  ask: (method, address) =>
    fetch(address, { method, credentials: 'include', headers: { 'Content-Type': 'application/json' } }),
  checksAtLoad: () => 1,
  checksAtLogout: 1,
};
