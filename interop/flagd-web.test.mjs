// The official provider for flagd in a real browser, over Connect, on a page of another
// origin: what it may send and read is for the browser to decide.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { createServer } from "node:http";
import { build } from "esbuild";
import puppeteer from "puppeteer-core";
import { reeve } from "./reeve.mjs";

const shop_js = `
import { OpenFeature, ProviderEvents } from "@openfeature/web-sdk";
import { FlagdWebProvider } from "@openfeature/flagd-web-provider";
window.shop = { changes: 0, async open(host, port, token, context) {
  const known = (next) => (call) => { call.header.set("Authorization", "Bearer " + token); return next(call); };
  await OpenFeature.setContext(context);
  await OpenFeature.setProviderAndWait(new FlagdWebProvider({ host, port, tls: false, interceptors: [known], maxRetries: 1 }));
  OpenFeature.addHandler(ProviderEvents.ConfigurationChanged, () => window.shop.changes++);
  window.shop.client = OpenFeature.getClient();
} };
window.ready = true;`;

let server, shop, browser, page;
before(async () => {
  server = await reeve();
  const bundle = await build({ stdin: { contents: shop_js, resolveDir: process.cwd() }, bundle: true, format: "esm", write: false });
  shop = createServer((req, res) => {
    const script = req.url === "/shop.js";
    res.setHeader("Content-Type", script ? "text/javascript" : "text/html");
    res.end(script ? bundle.outputFiles[0].text : `<!doctype html><title>shop</title><script type="module" src="/shop.js"></script>`);
  });
  await new Promise((done) => shop.listen(0, "127.0.0.1", done));
  browser = await puppeteer.launch({ executablePath: process.env.CHROMIUM, args: ["--no-sandbox", "--disable-gpu"] });
  page = await browser.newPage();
  await page.goto(`http://127.0.0.1:${shop.address().port}/`);
  await page.waitForFunction(() => window.ready);
}, { timeout: 300_000 });
after(async () => {
  await browser?.close();
  shop?.close();
  assert.equal(await server.stop(), 0, "Ctrl-C ends cleanly");
});

const details = (key) => page.evaluate((key) => window.shop.client.getBooleanDetails(key, false), key);

test("a page has its flags from flagd's door, and hears of changes", { timeout: 60_000 }, async () => {
  const { hostname, port } = new URL(server.http);
  await page.evaluate((...about) => window.shop.open(...about), hostname, Number(port), server.token, { tenantId: "blue-bakery", targetingKey: "ann" });
  const d = await details("new-checkout");
  assert.equal(d.errorCode, undefined, d.errorMessage);
  assert.equal(d.value, true);
  assert.equal((await details("no-such-flag")).errorCode, "FLAG_NOT_FOUND");
  const kill = await fetch(`${server.http}/v1/flags/new-checkout/kill`, { method: "POST", headers: { Authorization: `Bearer ${server.token}` } });
  assert.equal(kill.status, 200);
  await page.waitForFunction(() => window.shop.changes > 0);
  assert.equal((await details("new-checkout")).value, false);
});
