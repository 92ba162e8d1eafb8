// An independent library finds an access token of Reeve's good, with the keys
// that Reeve publishes, and finds an altered one bad. An OpenFeature SDK evaluates
// with an API key that was made over the API.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { OFREPProvider } from "@openfeature/ofrep-provider";
import { OpenFeature } from "@openfeature/server-sdk";
import { createRemoteJWKSet, decodeJwt, jwtVerify } from "jose";
import { reeve } from "./reeve.mjs";

let server;
before(async () => {
  server = await reeve();
}, { timeout: 120_000 });
after(async () => assert.equal(await server.stop(), 0, "Ctrl-C ends cleanly"));

const at = (path) => new URL(path, server.http);
const authorized = () => ({ Authorization: `Bearer ${server.token}` });
const send = async (path, body) => {
  const answer = await fetch(at(path), { method: "POST", headers: { ...authorized(), "Content-Type": "application/json" }, body: JSON.stringify(body) });
  assert.ok(answer.ok, `${path}: ${answer.status} ${await answer.clone().text()}`);
  return answer.json();
};

test("jose accepts what Reeve issues, and nothing else", async () => {
  const metadata = await (await fetch(at("/.well-known/oauth-authorization-server"))).json();
  const keys = createRemoteJWKSet(new URL(metadata.jwks_uri));
  const strict = { issuer: metadata.issuer, audience: metadata.issuer, typ: "at+jwt", algorithms: ["RS256", "ES256", "EdDSA"] };
  const tenant = (await (await fetch(at("/v1/tenants?slug=blue-bakery"), { headers: authorized() })).json()).items[0].id;
  const client = await send(`/v1/nodes/${tenant}/clients`, { name: "jose", permissions: ["tenant:read"] });
  const answer = await fetch(metadata.token_endpoint, {
    method: "POST",
    headers: { Authorization: "Basic " + Buffer.from(`${client.id}:${client.secret}`).toString("base64"), "Content-Type": "application/x-www-form-urlencoded" },
    body: "grant_type=client_credentials",
  });
  assert.equal(answer.status, 200);
  const own = (await answer.json()).access_token;
  for (const token of [server.token, own]) {
    const { payload, protectedHeader } = await jwtVerify(token, keys, strict);
    assert.equal(protectedHeader.alg, "RS256");
    assert.ok(payload.exp - payload.iat <= 900);
    const [header, , signature] = token.split(".");
    const other = Buffer.from(JSON.stringify({ ...payload, tenant_id: "x" })).toString("base64url");
    await assert.rejects(jwtVerify([header, other, signature].join("."), keys, strict));
  }
  assert.equal(decodeJwt(own).sub, client.id);
  assert.equal(decodeJwt(own).tenant_id, tenant);
  assert.equal(decodeJwt(own).scope, "auth:tenant:read");
});

test("an official OpenFeature SDK evaluates with an API key of a tenant, and for that tenant only", async () => {
  const byslug = async (slug) => (await (await fetch(at(`/v1/tenants?slug=${slug}`), { headers: authorized() })).json()).items[0].id;
  const key = await send(`/v1/nodes/${await byslug("blue-bakery")}/api-keys`, { name: "sdk", permissions: ["flag:evaluate"] });
  for (const header of [["Authorization", `Bearer ${key.secret}`], ["X-API-Key", key.secret]]) {
    await OpenFeature.setProviderAndWait("keyed", new OFREPProvider({ baseUrl: server.http, headers: [header] }));
    const client = OpenFeature.getClient("keyed");
    const details = await client.getBooleanDetails("new-checkout", false, { tenantId: "blue-bakery" });
    assert.equal(details.errorCode, undefined, details.errorMessage);
    assert.equal(details.value, true);
    const foreign = await client.getBooleanDetails("new-checkout", false, { tenantId: "kiosk-north" });
    assert.equal(foreign.errorCode, "INVALID_CONTEXT", "another tenant is none");
  }
  await OpenFeature.close();
});
