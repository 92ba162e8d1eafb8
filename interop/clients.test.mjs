import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { EventStoreDBClient, FORWARDS, START } from "@eventstore/db-client";
import { OpenFeature } from "@openfeature/server-sdk";
import { OFREPProvider } from "@openfeature/ofrep-provider";
import { reeve } from "./reeve.mjs";

let server;
before(async () => {
  server = await reeve();
}, { timeout: 120_000 });
after(async () => assert.equal(await server.stop(), 0, "Ctrl-C ends cleanly"));

test("the official EventStoreDB client for Node reads the estate's events", async () => {
  const client = EventStoreDBClient.connectionString(server.log);
  const types = new Map();
  for await (const { event } of client.readAll({ direction: FORWARDS, fromPosition: START })) {
    if (!event || event.type.startsWith("$")) continue;
    types.set(event.type, (types.get(event.type) ?? 0) + 1);
    assert.ok(event.metadata.actor, `${event.type} says who did it`);
    assert.match(event.metadata.occurredAt, /Z$/);
  }
  assert.equal(types.get("TenantCreated"), 12);
  assert.equal(types.get("FlagDefined"), 20);
  assert.equal(types.get("IntegratorRegistered"), 4); // the three of the estate and the built-in one
  await client.dispose();
});

test("an official OpenFeature SDK gets each tenant its own value", async () => {
  await OpenFeature.setProviderAndWait(new OFREPProvider({ baseUrl: server.http, headers: [["Authorization", `Bearer ${server.token}`]] }));
  const client = OpenFeature.getClient();
  const at = (tenantId) => client.getBooleanDetails("new-checkout", false, { tenantId });
  const [bakery, kiosk] = [await at("blue-bakery"), await at("kiosk-north")];
  assert.equal(bakery.errorCode, undefined, bakery.errorMessage);
  assert.equal(bakery.value, true);
  assert.equal(kiosk.value, false);
  const language = (tenantId) => client.getStringValue("default-language", "?", { tenantId });
  assert.equal(await language("gdansk-port"), "pl");
  assert.equal(await language("blue-bakery"), "en");
  const missing = await client.getBooleanDetails("no-such-flag", true, { tenantId: "blue-bakery" });
  assert.equal(missing.errorCode, "FLAG_NOT_FOUND");
  assert.equal(missing.value, true);
  await OpenFeature.close();
});
