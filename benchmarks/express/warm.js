"use strict";
// The same app called in process, with Node's own request and response on a socket that leads nowhere: what one request
// takes of the processor, without any HTTP. Prints {"check without a cookie": [microseconds of each batch], …}.

const { Duplex } = require("node:stream");
const { IncomingMessage, ServerResponse } = require("node:http");
const { app, seal, NAME, ORIGIN } = require("./app.js");

const BATCHES = Number(process.argv[2]);
const BATCH = 300;
const WARMING_UP = 3000;

class Nowhere extends Duplex {
  _read() {}
  _write(chunk, encoding, done) {
    done();
  }
}

function ask(method, url, headers, status) {
  return new Promise((resolve, reject) => {
    const socket = new Nowhere();
    const request = new IncomingMessage(socket);
    Object.assign(request, { method, url, headers, httpVersion: "1.1", httpVersionMajor: 1, httpVersionMinor: 1 });
    request.push(null);
    const response = new ServerResponse(request);
    response.assignSocket(socket);
    response.on("finish", () =>
      response.statusCode === status ? resolve() : reject(new Error(`${url}: ${response.statusCode}`)),
    );
    app(request, response);
  });
}

const sealed = seal({ token: "x".repeat(43), expires: Date.now() / 1000 + 3600 });
const origin = { origin: ORIGIN, host: "localhost" };
const CASES = {
  "check without a cookie": ["POST", "/session", origin, 401],
  check: ["POST", "/session", { ...origin, cookie: `${NAME}=${sealed}` }, 200],
  "GET /login": ["GET", "/login", { host: "localhost" }, 200],
};

async function batch(of, count) {
  const before = process.cpuUsage();
  for (let each = 0; each < count; each++) await ask(...of);
  const { user, system } = process.cpuUsage(before);
  return (user + system) / count;
}

async function main() {
  const told = {};
  for (const [name, of] of Object.entries(CASES)) {
    await batch(of, WARMING_UP);
    told[name] = [];
  }
  for (let each = 0; each < BATCHES; each++) {
    for (const [name, of] of Object.entries(CASES)) told[name].push(await batch(of, BATCH));
  }
  console.log(JSON.stringify(told));
}

main();
