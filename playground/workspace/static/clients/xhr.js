// The clients that check with XMLHttpRequest (see fetch.js): once at a load without a stored login, once at a logout.

const ask = (method, address) =>
  new Promise((answered, failed) => {
    const request = new XMLHttpRequest();
    request.open(method, address);
    request.withCredentials = true;
    request.onload = () =>
      answered({
        status: request.status,
        statusText: request.statusText,
        json: async () => JSON.parse(request.responseText),
      });
    request.onerror = () => failed(new Error(''));
    request.send();
  });

/** 3.x. */
export const byRequest = { ask, checksAtLoad: (stored) => (stored ? 0 : 1), checksAtLogout: 1 };
