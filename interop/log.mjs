// Starts bin/reeve log serve on a port of its own choice with a directory of its own: in
// plaintext, or with TLS and three users (root, an administrator; ann; bob), each
// with the password that is the name twice.
import { execFileSync, spawn } from "node:child_process";
import { copyFileSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

const binary = "../bin/reeve";
export const credentials = (name) => ({ username: name, password: name + name });

export async function log({ secure }) {
  const dir = mkdtempSync(join(tmpdir(), "reeve-interop-log-"));
  const env = {
    ...process.env,
    REEVE_DATA_DIR: dir,
    REEVE_LOG_ADDR: "127.0.0.1:0",
    REEVE_ADMIN_ADDR: "127.0.0.1:0",
  };
  if (secure) {
    const [cert, key, users] = ["cert.pem", "key.pem", "users"].map((name) => join(dir, name));
    for (const name of ["cert.pem", "key.pem"]) copyFileSync(join(process.env.REEVE_INTEROP_CERTS, name), join(dir, name));
    Object.assign(env, { REEVE_LOG_TLS_CERT: cert, REEVE_LOG_TLS_KEY: key, REEVE_LOG_USERS_FILE: users });
    for (const [name, groups] of [["root", ["--group", "$admins"]], ["ann", []], ["bob", []]])
      execFileSync(binary, ["log", "user", "add", ...groups, name], { env, input: name + name + "\n", stdio: ["pipe", "pipe", "pipe"] });
  }
  const child = spawn(binary, ["log", "serve"], { env, stdio: ["ignore", "pipe", "pipe"] });
  let said = "";
  const ended = new Promise((resolve) => child.on("exit", resolve));
  const port = await new Promise((resolve, reject) => {
    const hear = (chunk) => {
      said += chunk;
      const at = /^log +esdb:\/\/[^:]+:(\d+)/m.exec(said);
      if (at) resolve(at[1]);
    };
    child.stdout.on("data", hear);
    child.stderr.on("data", hear);
    child.on("exit", (code) => reject(new Error(`the log ended with ${code}:\n${said}`)));
  });
  const ca = encodeURIComponent(join(dir, "cert.pem"));
  return {
    url: (name) => (secure ? `esdb://${name}:${name}${name}@localhost:${port}?tls=true&tlsCAFile=${ca}` : `esdb://localhost:${port}?tls=false`),
    stop: async () => {
      child.kill("SIGINT");
      const code = await ended;
      rmSync(dir, { recursive: true, force: true });
      return code;
    },
  };
}
