// Starts bin/reeve log serve on a free port with a directory of its own: in
// plaintext, or with TLS and three users (root, an administrator; ann; bob), each
// with the password that is the name twice.
import { execFileSync, spawn } from "node:child_process";
import { copyFileSync, mkdtempSync, rmSync } from "node:fs";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { free } from "./reeve.mjs";

const binary = "../bin/reeve";
const accepts = (port) =>
  new Promise((resolve) => {
    const socket = connect(port, "127.0.0.1", () => resolve(socket.destroy() && true));
    socket.on("error", () => resolve(false));
  });

export const credentials = (name) => ({ username: name, password: name + name });

export async function log({ secure }) {
  const dir = mkdtempSync(join(tmpdir(), "reeve-interop-log-"));
  const port = await free();
  const env = {
    ...process.env,
    REEVE_DATA_DIR: dir,
    REEVE_LOG_ADDR: `127.0.0.1:${port}`,
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
  child.stdout.on("data", (chunk) => (said += chunk));
  child.stderr.on("data", (chunk) => (said += chunk));
  const ended = new Promise((resolve) => child.on("exit", resolve));
  const deadline = Date.now() + 30_000;
  while (!(await accepts(port))) {
    if (child.exitCode !== null || Date.now() > deadline) throw new Error(`the log does not serve:\n${said}`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
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
