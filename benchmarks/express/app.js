"use strict";
// The session check and the login page on Express 5, as far as they go without a backend: the peer of `make bench`.

const crypto = require("node:crypto");
const express = require("express");

const NAME = "__Host-gantry";
const KEY = Buffer.from(process.env.SESSION_KEY || "", "base64");
const ORIGIN = process.env.ROCKETCHAT_URL || "";

function mac(text) {
  return crypto.createHmac("sha256", KEY).update(text).digest();
}

function seal(content) {
  const text = Buffer.from(JSON.stringify(content)).toString("base64url");
  return `${text}.${mac(text).toString("base64url")}`;
}

function open(sealed) {
  const [text, given] = sealed.split(".");
  const own = mac(text);
  const other = Buffer.from(given || "", "base64url");
  if (own.length !== other.length || !crypto.timingSafeEqual(own, other)) return null;
  const content = JSON.parse(Buffer.from(text, "base64url").toString());
  return content.expires > Date.now() / 1000 ? content : null;
}

function cookie(header) {
  for (const pair of (header || "").split(";")) {
    const at = pair.indexOf("=");
    if (pair.slice(0, at).trim() === NAME) return pair.slice(at + 1).trim();
  }
  return null;
}

const app = express();
app.disable("x-powered-by");

app.all("/session", (request, response) => {
  if (request.get("Origin") === ORIGIN) {
    response.set({
      "Access-Control-Allow-Origin": ORIGIN,
      "Access-Control-Allow-Credentials": "true",
      Vary: "Origin",
    });
  }
  response.set("Cache-Control", "no-store");
  const sealed = cookie(request.get("Cookie"));
  const session = sealed && open(sealed);
  if (!session) {
    response.sendStatus(401);
    return;
  }
  response.json({ loginToken: session.token });
});

app.get("/login", (request, response) => {
  const nonce = crypto.randomBytes(16).toString("base64");
  response.set("Content-Security-Policy", `default-src 'none'; style-src 'nonce-${nonce}'; form-action 'self'`);
  response.set("Cache-Control", "no-store");
  response.type("html").send(
    `<!doctype html><html lang="en"><head><meta charset="utf-8"><title>Sign in</title>` +
      `<style nonce="${nonce}">body { font: 1rem sans-serif }</style></head><body><form method="post">` +
      `<label>Username <input name="username"></label><label>Password <input name="password" type="password"></label>` +
      `<button>Sign in</button></form></body></html>`,
  );
});

module.exports = { app, seal, NAME, ORIGIN };
