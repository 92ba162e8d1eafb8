// The official provider of OpenFeature for flagd, which speaks flagd.evaluation.v2. It
// cannot be told of credentials: a proxy beside the application adds them, as one in a
// service mesh does.
import assert from "node:assert/strict";
import { connect, createServer } from "node:http2";
import { after, before, test } from "node:test";
import { FlagdProvider } from "@openfeature/flagd-provider";
import { OpenFeature, ProviderEvents } from "@openfeature/server-sdk";
import { reeve } from "./reeve.mjs";

let server, to, beside, client;
const calls = []; // that went through the proxy
let position = 0; // of the last command, which is to be seen by whatever is asked next
before(async () => {
  server = await reeve();
  to = connect(server.http);
  beside = createServer();
  beside.on("stream", (caller, headers) => {
    calls.push(headers[":path"]);
    let trailers;
    const call = to.request({ ...headers, authorization: `Bearer ${server.token}`, "reeve-min-position": `${position}` });
    call.on("response", (h) => caller.respond(h, { waitForTrailers: true }));
    call.on("trailers", (h) => (trailers = h));
    caller.on("wantTrailers", () => (trailers ? caller.sendTrailers(trailers) : caller.close()));
    caller.on("close", () => call.close());
    caller.on("error", () => call.close());
    call.on("error", () => caller.close());
    caller.pipe(call).pipe(caller);
  });
  await new Promise((done) => beside.listen(0, "127.0.0.1", done));
  await OpenFeature.setProviderAndWait(new FlagdProvider({ host: "127.0.0.1", port: beside.address().port, deadlineMs: 30_000, cache: "lru" }));
  client = OpenFeature.getClient();
}, { timeout: 120_000 });
after(async () => {
  await OpenFeature.close();
  to.close();
  beside.close();
  assert.equal(await server.stop(), 0, "Ctrl-C ends cleanly");
});

const command = async (method, path, body) => {
  const headers = { Authorization: `Bearer ${server.token}`, "Content-Type": "application/json" };
  const answer = await fetch(server.http + path, { method, headers, body: body && JSON.stringify(body) });
  assert.ok(answer.ok, `${method} ${path}: ${answer.status}`);
  ({ position } = await answer.json());
};

test("the official provider for flagd gets each tenant its own value", async () => {
  for (let again = 0; again < 2; again++) { // the second time a cache may have an opinion
    for (const [tenantId, language] of [["gdansk-port", "pl"], ["blue-bakery", "en"]]) {
      const got = await client.getStringDetails("default-language", "?", { tenantId });
      assert.equal(got.errorCode, undefined, got.errorMessage);
      assert.equal(got.value, language);
    }
  }
  const missing = await client.getBooleanDetails("no-such-flag", true, { tenantId: "blue-bakery" });
  assert.equal(missing.errorCode, "FLAG_NOT_FOUND");
  const other = await client.getBooleanDetails("default-language", true, { tenantId: "blue-bakery" });
  assert.equal(other.errorCode, "TYPE_MISMATCH");
  assert.ok(calls.every((path) => path.startsWith("/flagd.evaluation.v2.Service/")), calls.join(" "));
});

test("what a flag comes to is not the default of the code, also where it is false, 0, empty or off", async () => {
  for (const [key, type, value] of [["is-no", "boolean", false], ["is-zero", "number", 0], ["is-empty", "string", ""], ["is-bare", "json", {}]]) {
    await command("POST", "/v1/flags", { key, type, default: value });
    await command("POST", `/v1/flags/${key}/activate`);
  }
  const about = { tenantId: "blue-bakery" };
  const values = async () => [
    await client.getBooleanValue("is-no", true, about),
    await client.getNumberValue("is-zero", 7, about),
    await client.getStringValue("is-empty", "?", about),
    await client.getObjectValue("is-bare", { a: 1 }, about),
  ];
  assert.deepEqual(await values(), [false, 0, "", {}]);
  for (const key of ["is-no", "is-zero", "is-empty"]) await command("POST", `/v1/flags/${key}/kill`);
  assert.deepEqual(await values(), [false, 0, "", {}]);
});

test("the official provider for flagd hears of a change", { timeout: 60_000 }, async () => {
  const heard = new Promise((resolve) =>
    client.addHandler(ProviderEvents.ConfigurationChanged, (e) => e.flagsChanged?.includes("default-language") && resolve()));
  await command("POST", "/v1/flags/default-language/kill");
  await heard;
  const got = await client.getStringDetails("default-language", "?", { tenantId: "gdansk-port" });
  assert.equal(got.value, "");
  assert.equal(got.reason, "DISABLED");
});
