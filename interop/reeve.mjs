// Starts bin/reeve dev on free ports with a data directory of its own.
import { execFileSync, spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";

export const free = () =>
  new Promise((resolve, reject) => {
    const s = createServer();
    s.on("error", reject);
    s.listen(0, "127.0.0.1", () => {
      const { port } = s.address();
      s.close(() => resolve(port));
    });
  });

export async function reeve() {
  const dir = mkdtempSync(join(tmpdir(), "reeve-interop-"));
  const [http, admin, log] = [await free(), await free(), await free()];
  const child = spawn("../bin/reeve", ["dev", "--demo"], {
    env: {
      ...process.env,
      REEVE_DATA_DIR: dir,
      REEVE_HTTP_ADDR: `127.0.0.1:${http}`,
      REEVE_ADMIN_ADDR: `127.0.0.1:${admin}`,
      REEVE_LOG_ADDR: `127.0.0.1:${log}`,
    },
    stdio: ["ignore", "pipe", "pipe"],
  });
  let said = "";
  const ready = new Promise((resolve, reject) => {
    const hear = (chunk) => {
      said += chunk;
      if (/^ready$/m.test(said)) resolve();
    };
    child.stdout.on("data", hear);
    child.stderr.on("data", hear);
    child.on("exit", (code) => reject(new Error(`reeve ended with ${code}:\n${said}`)));
  });
  await ready;
  const mint = ["token", "mint", "--server", `http://127.0.0.1:${http}`, "--credentials", join(dir, "credentials.json")];
  return {
    http: `http://127.0.0.1:${http}`,
    token: execFileSync("../bin/reeve", mint, { encoding: "utf8" }).trim(),
    log: `esdb://127.0.0.1:${log}?tls=false`,
    stop: () =>
      new Promise((resolve) => {
        child.removeAllListeners("exit");
        child.on("exit", (code) => {
          rmSync(dir, { recursive: true, force: true });
          resolve(code);
        });
        child.kill("SIGINT");
      }),
  };
}
