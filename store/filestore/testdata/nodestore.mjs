// Drives the FileStore of Zoho's own Node SDK for the tests. It is run in a
// folder that has @zohocrm/nodejs-sdk-8.0 installed:
//
//   node nodestore.mjs list FILE             prints the tokens as JSON
//   node nodestore.mjs save FILE FROM TO     saves users nodeFROM to nodeTO-1
//   node nodestore.mjs refresh FILE ID TEXT  replaces the access token of a row
//   node nodestore.mjs bench FILE USER N     prints the microseconds of a find and a save
import { FileStore, OAuthBuilder, UserSignature } from "@zohocrm/nodejs-sdk-8.0";

const [command, file, ...args] = process.argv.slice(2);
const store = new FileStore(file);

function builder(name, access) {
  return new OAuthBuilder().clientId("1000.NODE").clientSecret("secret").refreshToken("1000.refresh." + name)
    .accessToken(access).redirectURL("https://app.example/cb").userSignature(new UserSignature(name));
}

async function token(name, access) {
  const t = await builder(name, access).build();
  t.setExpiresIn("1767225600000");
  t.setAPIDomain("https://www.zohoapis.com");
  return t;
}

function fields(t) {
  return [t.getId(), t.getUserSignature()?.getName(), t.getClientId(), t.getClientSecret(), t.getRefreshToken(),
    t.getAccessToken(), t.getGrantToken(), t.getExpiresIn(), t.getRedirectURL(), t.getAPIDomain()].map((v) => v ?? "");
}

async function list() {
  console.log(JSON.stringify((await store.getTokens()).map(fields)));
}

async function save(from, to) {
  for (let i = Number(from); i < Number(to); i++) {
    await store.saveToken(await token("node" + i, "1000.access.node" + i));
  }
}

async function refresh(id, access) {
  const t = await store.findTokenById(id);
  t.setAccessToken(access);
  await store.saveToken(t);
}

async function bench(user, n) {
  const median = async (f) => {
    const times = [];
    for (let i = 0; i < Number(n); i++) {
      const start = process.hrtime.bigint();
      await f(i);
      times.push(Number(process.hrtime.bigint() - start) / 1000);
    }
    return times.sort((a, b) => a - b)[times.length >> 1];
  };
  const find = await median(async () => store.findToken(await new OAuthBuilder().userSignature(new UserSignature(user)).build()));
  const put = await median(async (i) => store.saveToken(await token(user, "1000.access." + i)));
  console.log(JSON.stringify({ find, save: put }));
}

await { list, save, refresh, bench }[command](...args);
