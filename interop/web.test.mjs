// The official web SDK in a real browser: values, what an answer is taken from
// memory for, another context, and notices of a stream.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { createServer } from "node:http";
import { build } from "esbuild";
import puppeteer from "puppeteer-core";
import { reeve } from "./reeve.mjs";

const page_of_a_shop = `<!doctype html><title>shop</title><script type="module" src="/shop.js"></script>`;

const shop_js = `
import { OpenFeature, ProviderEvents } from "@openfeature/web-sdk";
import { OFREPWebProvider } from "@openfeature/ofrep-web-provider";
window.shop = { OpenFeature, changes: 0, async open(baseUrl, token, context) {
  await OpenFeature.setContext(context);
  await OpenFeature.setProviderAndWait(new OFREPWebProvider({ baseUrl, pollInterval: 0, headers: [["Authorization", "Bearer " + token]] }));
  OpenFeature.addHandler(ProviderEvents.ConfigurationChanged, () => window.shop.changes++);
  window.shop.client = OpenFeature.getClient();
} };
window.ready = true;`;

let server, shop, browser, page, tenant;
const bulks = []; // what the browser was answered
before(async () => {
  server = await reeve();
  const bundle = await build({ stdin: { contents: shop_js, resolveDir: process.cwd() }, bundle: true, format: "esm", write: false });
  shop = createServer((req, res) => {
    const script = req.url === "/shop.js";
    res.setHeader("Content-Type", script ? "text/javascript" : "text/html");
    res.end(script ? bundle.outputFiles[0].text : page_of_a_shop);
  });
  await new Promise((done) => shop.listen(0, "127.0.0.1", done));
  const { port } = shop.address();
  browser = await puppeteer.launch({ executablePath: process.env.CHROMIUM, args: ["--no-sandbox", "--disable-gpu"] });
  page = await browser.newPage();
  page.on("response", (r) => r.request().method() === "POST" && bulks.push({ status: r.status(), etag: r.headers().etag }));
  await page.goto(`http://127.0.0.1:${port}/`);
  await page.waitForFunction(() => window.ready);
  const list = await fetch(`${server.http}/v1/tenants?slug=blue-bakery`, { headers: { Authorization: `Bearer ${server.token}` } });
  tenant = (await list.json()).items[0].id;
}, { timeout: 300_000 });
after(async () => {
  await browser?.close();
  shop?.close();
  assert.equal(await server.stop(), 0, "Ctrl-C ends cleanly");
});

const details = (key) => page.evaluate((key) => window.shop.client.getBooleanDetails(key, false), key);
const bulked = async (n) => {
  for (let waited = 0; bulks.length < n; waited += 50) {
    assert.ok(waited < 60_000, `${bulks.length} evaluations, want ${n}`);
    await new Promise((done) => setTimeout(done, 50));
  }
  return bulks[n - 1];
};

test("values and how they came about", async () => {
  await page.evaluate((url, token) => window.shop.open(url, token, { tenantId: "blue-bakery", targetingKey: "ann" }), server.http, server.token);
  const d = await details("new-checkout");
  assert.equal(d.errorCode, undefined, d.errorMessage);
  assert.equal(d.value, true);
  assert.equal(d.flagMetadata.level, "integrator");
  assert.equal((await details("no-such-flag")).errorCode, "FLAG_NOT_FOUND");
});

test("a notice brings the new value, and nothing else is fetched again", async () => {
  const opened = await bulked(2); // the one whoever comes anew is told to make
  assert.equal(opened.status, 304, "nothing has changed since the page was opened");
  const before = bulks.length;
  const override = await fetch(`${server.http}/v1/nodes/${tenant}/flags/new-checkout`, {
    method: "PUT",
    headers: { Authorization: `Bearer ${server.token}`, "Content-Type": "application/json" },
    body: JSON.stringify({ value: false }),
  });
  assert.equal(override.status, 200);
  const notified = await bulked(before + 1);
  assert.equal(notified.status, 200);
  assert.notEqual(notified.etag, opened.etag);
  await page.waitForFunction(() => window.shop.changes > 0);
  assert.equal((await details("new-checkout")).value, false);
  assert.equal(bulks.length, before + 1);
});

test("another context alone is another answer", async () => {
  const { etag } = bulks.at(-1);
  const before = bulks.length;
  await page.evaluate(() => window.shop.OpenFeature.setContext({ tenantId: "blue-bakery", targetingKey: "bob" }));
  const other = await bulked(before + 1);
  assert.equal(other.status, 200);
  assert.notEqual(other.etag, etag);
});
