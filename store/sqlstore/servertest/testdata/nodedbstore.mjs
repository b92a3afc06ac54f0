// Drives the DBStore of Zoho's own Node SDK for the tests. It is run in a folder
// that has @zohocrm/nodejs-sdk-8.0 installed, with the connection's parameters in
// the environment variable DBSTORE, as JSON:
//
//   node nodedbstore.mjs list                 prints the tokens as JSON
//   node nodedbstore.mjs find NAME...         prints those of users, by find_token
//   node nodedbstore.mjs save FROM TO         saves users nodeFROM to nodeTO-1
//   node nodedbstore.mjs refresh NAME TEXT    replaces the access token of a user
//   node nodedbstore.mjs delete ID            deletes a row
//   node nodedbstore.mjs bench NAME N         prints the microseconds of a find and a save
import { DBStore } from "./node_modules/@zohocrm/nodejs-sdk-8.0/lib/models/authenticator/store/db_store.js";
import { OAuthBuilder, UserSignature } from "@zohocrm/nodejs-sdk-8.0";

const [command, ...args] = process.argv.slice(2);
const { host, database, table, user, password, port } = JSON.parse(process.env.DBSTORE);
const store = new DBStore(host, database, table, user, password, port);

async function token(name, access) {
  const t = await new OAuthBuilder().clientId("1000.NODE").clientSecret("secret").refreshToken("1000.refresh." + name)
    .accessToken(access).redirectURL("https://app.example/cb").userSignature(new UserSignature(name)).build();
  t.setExpiresIn("1767225600000");
  t.setAPIDomain("https://www.zohoapis.com");
  return t;
}

function fields(t) {
  return [t.getId(), t.getUserSignature()?.getName(), t.getClientId(), t.getClientSecret(), t.getRefreshToken(),
    t.getAccessToken(), t.getGrantToken(), t.getExpiresIn(), t.getRedirectURL(), t.getAPIDomain()].map((v) => String(v ?? ""));
}

async function byUser(name) {
  return store.findToken(await new OAuthBuilder().userSignature(new UserSignature(name)).build());
}

async function list() {
  console.log(JSON.stringify(((await store.getTokens()) ?? []).map(fields)));
}

async function find(...names) {
  const tokens = [];
  for (const name of names) {
    tokens.push(fields(await byUser(name)));
  }
  console.log(JSON.stringify(tokens));
}

async function save(from, to) {
  for (let i = Number(from); i < Number(to); i++) {
    await store.saveToken(await token("node" + i, "1000.access.node" + i));
  }
}

async function refresh(name, access) {
  const t = await byUser(name);
  t.setAccessToken(access);
  await store.saveToken(t);
}

async function remove(id) {
  await store.deleteToken(id);
}

async function bench(name, n) {
  const median = async (f) => {
    const times = [];
    for (let i = 0; i < Number(n); i++) {
      const start = process.hrtime.bigint();
      await f(i);
      times.push(Number(process.hrtime.bigint() - start) / 1000);
    }
    return times.sort((a, b) => a - b)[times.length >> 1];
  };
  const lookup = await median(() => byUser(name));
  const put = await median(async (i) => store.saveToken(await token(name, "1000.access." + i)));
  console.log(JSON.stringify({ find: lookup, save: put }));
}

await { list, find, save, refresh, delete: remove, bench }[command](...args);
