"use strict";
// A plain server on a free port of loopback, which it says on standard output; it ends with its standard input.

const { app } = require("./app.js");

const server = app.listen(0, "127.0.0.1", () => console.log(server.address().port));
process.stdin.on("end", () => process.exit(0)).resume();
