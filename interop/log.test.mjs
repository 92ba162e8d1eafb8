// Every documented operation of streams and persistent subscriptions of the
// official client for Node, against the embedded log alone: in plaintext, and with
// TLS and users.
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import * as db from "@eventstore/db-client";
import { credentials, log } from "./log.mjs";

const { ANY, BACKWARDS, END, ErrorType, EventStoreDBClient, FORWARDS, NO_STREAM, PARK, RETRY, SKIP, START, STREAM_EXISTS, jsonEvent } = db;

let serial = 0;
const fresh = (name) => `node-${name}-${process.pid}-${++serial}`;
const event = (n, type = "Counted") => jsonEvent({ type, data: { n }, metadata: { n } });
const numbers = (from, to) => Array.from({ length: to - from + 1 }, (_, i) => from + i);
const refused = (promise, type, more = () => true) =>
  assert.rejects(promise, (e) => (assert.equal(e.type, type, e.message), more(e)));

async function read(iterable) {
  const seen = [];
  for await (const item of iterable) seen.push(item);
  return seen;
}
const counts = (resolved) => resolved.map((r) => r.event.data.n);

// hears takes from a subscription until enough has come.
const hears = (subscription, enough) =>
  new Promise((resolve, reject) => {
    const seen = [];
    subscription.on("error", reject);
    subscription.on("data", (item) => {
      seen.push(item);
      if (enough(seen)) resolve(seen);
    });
  });
const failure = (subscription) => new Promise((resolve) => subscription.on("error", resolve));

for (const secure of [false, true]) {
  describe(secure ? "with TLS and users" : "in plaintext", { timeout: 120_000 }, () => {
    let server, root;
    before(async () => {
      server = await log({ secure });
      root = EventStoreDBClient.connectionString(server.url("root"));
    });
    after(async () => {
      await root.dispose();
      assert.equal(await server.stop(), 0, "an interrupt ends cleanly");
    });

    test("appends at every expected revision", async () => {
      const stream = fresh("append");
      const first = await root.appendToStream(stream, [event(0), event(1)], { expectedRevision: NO_STREAM });
      assert.equal(first.success, true);
      assert.equal(first.nextExpectedRevision, 1n);
      assert.ok(first.position.commit > 0n);
      for (const expectedRevision of [1n, STREAM_EXISTS, ANY])
        await root.appendToStream(stream, event(2), { expectedRevision });
      await refused(root.appendToStream(stream, event(9), { expectedRevision: NO_STREAM }), ErrorType.WRONG_EXPECTED_VERSION,
        (e) => e.actualVersion === 4n && e.expectedVersion === "no_stream" && e.streamName === stream);
      await refused(root.appendToStream(stream, event(9), { expectedRevision: 99n }), ErrorType.WRONG_EXPECTED_VERSION, (e) => e.expectedVersion === 99n);
      const mild = EventStoreDBClient.connectionString(server.url("root") + "&throwOnAppendFailure=false");
      assert.equal((await mild.appendToStream(stream, event(9), { expectedRevision: 99n })).success, false);
      await mild.dispose();
    });

    test("an append that is repeated has one effect", async () => {
      const stream = fresh("again");
      const events = [event(0), event(1)];
      const results = [];
      for (let i = 0; i < 3; i++) results.push(await root.appendToStream(stream, events, { expectedRevision: NO_STREAM }));
      assert.deepEqual(results.map((r) => r.position.commit), Array(3).fill(results[0].position.commit));
      assert.deepEqual(counts(await read(root.readStream(stream))), [0, 1]);
    });

    test("appends many at once, large and binary", async () => {
      const stream = fresh("many");
      await Promise.all(numbers(0, 199).map((n) => root.appendToStream(`${stream}-${n % 10}`, event(n))));
      await root.appendToStream(stream, numbers(0, 499).map((n) => event(n)));
      assert.deepEqual(counts(await read(root.readStream(stream))), numbers(0, 499));
      const chunked = await root.appendToStream(`${stream}-chunks`, numbers(0, 299).map((n) => jsonEvent({ type: "Big", data: { n, x: "y".repeat(3000) } })), { batchAppendSize: 64 * 1024 });
      assert.equal(chunked.nextExpectedRevision, 299n);
      await refused(root.appendToStream(stream, jsonEvent({ type: "Big", data: { x: "y".repeat(1 << 21) } })), ErrorType.MAXIMUM_APPEND_SIZE_EXCEEDED, (e) => e.maxAppendSize === 1 << 20);
      const bytes = Uint8Array.of(0, 255, 10);
      await root.appendToStream(`${stream}-bytes`, db.binaryEvent({ type: "Bytes", data: bytes }));
      const [back] = await read(root.readStream(`${stream}-bytes`));
      assert.deepEqual(Buffer.from(back.event.data), Buffer.from(bytes));
      assert.equal(back.event.isJson, false);
    });

    test("reads streams and the whole log both ways", async () => {
      const stream = fresh("read");
      const { position } = await root.appendToStream(stream, numbers(0, 9).map((n) => event(n)));
      assert.deepEqual(counts(await read(root.readStream(stream, { direction: FORWARDS, fromRevision: 3n, maxCount: 4 }))), [3, 4, 5, 6]);
      assert.deepEqual(counts(await read(root.readStream(stream, { direction: BACKWARDS, fromRevision: END, maxCount: 3 }))), [9, 8, 7]);
      await refused(read(root.readStream(fresh("missing"))), ErrorType.STREAM_NOT_FOUND);
      const [last] = await read(root.readAll({ direction: FORWARDS, fromPosition: position, maxCount: 1 }));
      assert.equal(last.event.data.n, 9);
      const before = await read(root.readAll({ direction: BACKWARDS, fromPosition: position, maxCount: 2 }));
      assert.deepEqual(counts(before), [8, 7]);
    });

    test("follows links", async () => {
      const [stream, links] = [fresh("linked"), fresh("links")];
      await root.appendToStream(stream, event(7));
      await root.appendToStream(links, [jsonEvent({ type: "$>", data: {} }), db.binaryEvent({ type: "$>", data: Buffer.from(`0@${stream}`) })]);
      const resolved = await read(root.readStream(links, { resolveLinkTos: true, fromRevision: 1n }));
      assert.equal(resolved[0].event.data.n, 7);
      assert.equal(resolved[0].link.streamId, links);
    });

    test("subscribes to a stream and to the whole log", async () => {
      const stream = fresh("subscribe");
      await root.appendToStream(stream, [event(0), event(1)]);
      const one = root.subscribeToStream(stream, { fromRevision: START });
      const all = root.subscribeToAll({ fromPosition: START, filter: db.streamNameFilter({ prefixes: [stream], checkpointInterval: 1, checkpointReached: () => {} }) });
      const typed = root.subscribeToAll({ fromPosition: END, filter: db.eventTypeFilter({ regex: `^Rare${serial}$` }) });
      const live = new Promise((resolve) => typed.once("confirmation", resolve));
      const heard = [hears(one, (s) => s.length === 3), hears(all, (s) => s.length === 4), hears(typed, (s) => s.length === 1)];
      await live;
      await root.appendToStream(stream, event(2));
      await root.appendToStream(`${stream}-other`, event(3, `Rare${serial}`));
      const [byStream, byPrefix, byType] = await Promise.all(heard);
      assert.deepEqual(counts(byStream), [0, 1, 2]);
      assert.deepEqual(counts(byPrefix), [0, 1, 2, 3]);
      assert.deepEqual(counts(byType), [3]);
      await Promise.all([one, all, typed].map((s) => s.unsubscribe()));
    });

    test("keeps metadata, deletes, and ends streams", async () => {
      const stream = fresh("life");
      await root.appendToStream(stream, numbers(0, 4).map((n) => event(n)));
      await root.setStreamMetadata(stream, { maxCount: 2, colour: "red" });
      const { metadata } = await root.getStreamMetadata(stream);
      assert.equal(metadata.maxCount, 2);
      assert.equal(metadata.colour, "red");
      assert.deepEqual(counts(await read(root.readStream(stream))), [3, 4]);
      await refused(root.deleteStream(stream, { expectedRevision: 2n }), ErrorType.WRONG_EXPECTED_VERSION);
      await root.deleteStream(stream, { expectedRevision: 4n });
      await refused(read(root.readStream(stream)), ErrorType.STREAM_NOT_FOUND);
      const again = await root.appendToStream(stream, event(5), { expectedRevision: NO_STREAM });
      assert.equal(again.nextExpectedRevision, 5n);
      await root.tombstoneStream(stream);
      await refused(root.appendToStream(stream, event(6)), ErrorType.STREAM_DELETED, (e) => e.streamName === stream);
      await refused(read(root.readStream(stream)), ErrorType.STREAM_DELETED);
    });

    for (const ofAll of [false, true]) persistent(ofAll, () => root);
    if (secure) rights(() => server, () => root);
  });
}

// persistent is the life of a persistent subscription, to a stream or to $all.
function persistent(ofAll, client) {
  test(`a persistent subscription to ${ofAll ? "the whole log" : "a stream"}`, async () => {
    const c = client();
    const [stream, group] = [fresh("work"), fresh("group")];
    const settings = (more) => ({ ...(ofAll ? db.persistentSubscriptionToAllSettingsFromDefaults : db.persistentSubscriptionToStreamSettingsFromDefaults)({ startFrom: START, checkPointLowerBound: 1, ...more }) });
    const ask = {
      create: () => (ofAll ? c.createPersistentSubscriptionToAll(group, settings(), { filter: db.streamNameFilter({ prefixes: [stream] }) }) : c.createPersistentSubscriptionToStream(stream, group, settings())),
      subscribe: () => (ofAll ? c.subscribeToPersistentSubscriptionToAll(group) : c.subscribeToPersistentSubscriptionToStream(stream, group)),
      info: () => (ofAll ? c.getPersistentSubscriptionToAllInfo(group) : c.getPersistentSubscriptionToStreamInfo(stream, group)),
      list: () => (ofAll ? c.listPersistentSubscriptionsToAll() : c.listPersistentSubscriptionsToStream(stream)),
      replay: () => (ofAll ? c.replayParkedMessagesToAll(group) : c.replayParkedMessagesToStream(stream, group)),
      update: (more) => (ofAll ? c.updatePersistentSubscriptionToAll(group, settings(more)) : c.updatePersistentSubscriptionToStream(stream, group, settings(more))),
      remove: () => (ofAll ? c.deletePersistentSubscriptionToAll(group) : c.deletePersistentSubscriptionToStream(stream, group)),
    };
    await refused(failure(ask.subscribe()).then((e) => Promise.reject(e)), ErrorType.PERSISTENT_SUBSCRIPTION_DOES_NOT_EXIST);
    await ask.create();
    await refused(ask.create(), ErrorType.PERSISTENT_SUBSCRIPTION_EXISTS);
    await c.appendToStream(stream, numbers(0, 3).map((n) => event(n)));

    // 1 is parked, then acknowledged when replayed; 2 is retried once; 3 is skipped.
    const worker = ask.subscribe();
    const told = [];
    const treat = (m) => {
      const n = m.event.data.n;
      told.push(`${n}${m.retryCount ? " again" : ""}${m.link ? " replayed" : ""}`);
      if (n === 1 && !m.link) return worker.nack(PARK, "not now", m);
      if (n === 2 && m.retryCount === 0) return worker.nack(RETRY, "once more", m);
      return n === 3 ? worker.nack(SKIP, "never", m) : worker.ack(m);
    };
    let wanted, enough;
    worker.on("error", () => {});
    worker.on("data", async (m) => {
      await treat(m);
      if (wanted && told.length >= wanted) enough();
    });
    const until = (n) => new Promise((resolve) => ((wanted = n), (enough = resolve), told.length >= n && resolve()));
    await until(5);
    assert.deepEqual([...told].sort(), ["0", "1", "2", "2 again", "3"]);
    await becomes(async () => Number((await ask.info()).stats.parkedMessageCount) === 1);
    await ask.replay();
    await until(6);
    assert.equal(told[5], "1 replayed");

    const info = await ask.info();
    assert.equal(info.groupName, group);
    assert.equal(info.connections.length, 1);
    assert.ok((await ask.list()).some((s) => s.groupName === group));
    assert.ok((await c.listAllPersistentSubscriptions()).some((s) => s.groupName === group));

    const dropped = failure(worker);
    await ask.update({ maxRetryCount: 3, maxSubscriberCount: 1 });
    await dropped;
    assert.equal((await ask.info()).settings.maxRetryCount, 3);
    const only = ask.subscribe();
    only.on("data", (m) => only.ack(m));
    await new Promise((resolve) => only.once("confirmation", resolve));
    assert.equal((await failure(ask.subscribe())).type, ErrorType.MAXIMUM_SUBSCRIBERS_REACHED);
    const ended = failure(only);
    await ask.remove();
    assert.equal((await ended).type, ErrorType.PERSISTENT_SUBSCRIPTION_DOES_NOT_EXIST);
    await refused(ask.info(), ErrorType.PERSISTENT_SUBSCRIPTION_DOES_NOT_EXIST);
    await c.restartPersistentSubscriptionSubsystem();
  });
}

// becomes asks until the answer is yes.
async function becomes(ask) {
  for (const deadline = Date.now() + 20_000; !(await ask()); await new Promise((r) => setTimeout(r, 20)))
    assert.ok(Date.now() < deadline, "it never was so");
}

// rights is what users may do, with the credentials of the connection and of a call.
function rights(server, root) {
  test("users may do what they may", async () => {
    const ann = EventStoreDBClient.connectionString(server().url("ann"));
    const stream = fresh("secret");
    await ann.appendToStream(stream, event(0));
    await refused(ann.appendToStream(`$${stream}`, event(0)), ErrorType.ACCESS_DENIED);
    await refused(read(ann.readAll({ maxCount: 1 })), ErrorType.ACCESS_DENIED);
    assert.equal((await read(ann.readAll({ maxCount: 2, credentials: credentials("root") }))).length, 2);
    await ann.appendToStream(`$${stream}`, event(0), { credentials: credentials("root") });
    await assert.rejects(ann.appendToStream(stream, event(1), { credentials: { username: "ann", password: "guessed" } }));
    await root().setStreamMetadata(stream, { acl: { readRoles: ["ann"], writeRoles: ["root"] } });
    assert.deepEqual(counts(await read(ann.readStream(stream))), [0]);
    await refused(ann.appendToStream(stream, event(1)), ErrorType.ACCESS_DENIED);
    await refused(read(ann.readStream(stream, { credentials: credentials("bob") })), ErrorType.ACCESS_DENIED);
    await refused(ann.createPersistentSubscriptionToStream(stream, "g", db.persistentSubscriptionToStreamSettingsFromDefaults()), ErrorType.ACCESS_DENIED);
    await ann.dispose();
  });
}
