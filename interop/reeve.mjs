// Starts bin/reeve dev on ports of its own choice with a data directory of its own: it
// says where it listens.
import { execFileSync, spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

export async function reeve() {
  const dir = mkdtempSync(join(tmpdir(), "reeve-interop-"));
  const child = spawn("../bin/reeve", ["dev", "--demo"], {
    env: {
      ...process.env,
      REEVE_DATA_DIR: dir,
      REEVE_HTTP_ADDR: "127.0.0.1:0",
      REEVE_ADMIN_ADDR: "127.0.0.1:0",
      REEVE_LOG_ADDR: "127.0.0.1:0",
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
  const [, http] = /^ *API +(http:\S+)/m.exec(said);
  const [, log] = /^ *log +(esdb:[^?\s]+)/m.exec(said);
  const mint = ["token", "mint", "--server", http, "--credentials", join(dir, "credentials.json")];
  return {
    http,
    token: execFileSync("../bin/reeve", mint, { encoding: "utf8" }).trim(),
    log: `${log}?tls=false`,
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
