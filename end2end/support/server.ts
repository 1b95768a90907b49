// A server process of a test's own: started on a free port with an empty data directory, killed and
// started again at will, its log kept.

import { type ChildProcess, spawn } from "node:child_process";
import fs from "node:fs";
import net from "node:net";
import os from "node:os";
import path from "node:path";
import process from "node:process";
import { setTimeout as pause } from "node:timers/promises";

const PROJECT = path.resolve(import.meta.dirname, "../..");
const READY_WITHIN_MS = 30_000;
const GONE_WITHIN_MS = 20_000;
const POLL_MS = 25;

export class Server {
  readonly url: string;
  readonly log: string[] = [];
  readonly #port: number;
  readonly #dataDir: string;
  #process: ChildProcess | undefined;

  private constructor(port: number, dataDir: string) {
    this.#port = port;
    this.#dataDir = dataDir;
    this.url = `http://127.0.0.1:${port}`;
  }

  /** Starts a server with the demo accounts and waits until it is ready. */
  static async start(): Promise<Server> {
    const dataDir = fs.mkdtempSync(path.join(os.tmpdir(), "samvad-test-"));
    const server = new Server(await freePort(), dataDir);
    await server.start();
    return server;
  }

  /** Starts the process again, on the same port and the same data. */
  async start(): Promise<void> {
    if (this.#process !== undefined) throw new Error("the server is already running");
    const binary = process.env["SAMVAD_SERVER"] ?? path.join(PROJECT, "target/release/samvad");
    const site = process.env["SAMVAD_SITE_ROOT"] ?? path.join(PROJECT, "target/site");
    if (!fs.existsSync(binary)) throw new Error(`${binary} is missing: run \`make build\` first`);
    const child = spawn(
      binary,
      ["serve", "--demo", "--addr", `127.0.0.1:${this.#port}`, "--data-dir", this.#dataDir, "--site-root", site],
      { cwd: PROJECT, stdio: ["ignore", "pipe", "pipe"] },
    );
    this.#process = child;
    const keep = (chunk: Buffer) => this.log.push(chunk.toString("utf8"));
    child.stdout?.on("data", keep);
    child.stderr?.on("data", keep);
    child.on("error", (error) => this.log.push(`could not be started: ${error.message}\n`));
    await this.#ready(child);
  }

  /** Ends the process without any warning, as a crash or a power cut would. */
  async kill(): Promise<void> {
    await this.#end("SIGKILL");
  }

  /** Asks the process to end, and insists that it does. */
  async stop(): Promise<void> {
    await this.#end("SIGTERM");
  }

  /** Ends the process if it still runs, and removes its data. */
  async dispose(): Promise<void> {
    if (this.#process !== undefined) await this.kill();
    fs.rmSync(this.#dataDir, { recursive: true, force: true });
  }

  async #end(signal: NodeJS.Signals): Promise<void> {
    const child = this.#process;
    if (child === undefined) throw new Error("the server is not running");
    this.#process = undefined;
    if (child.exitCode !== null || child.signalCode !== null) return;
    const gone = new Promise<void>((resolve) => child.once("exit", () => resolve()));
    child.kill(signal);
    const limit = new AbortController();
    const late = pause(GONE_WITHIN_MS, "late" as const, { signal: limit.signal }).catch(() => "gone" as const);
    const outcome = await Promise.race([gone, late]);
    limit.abort();
    if (outcome === "late") {
      child.kill("SIGKILL");
      throw new Error(`the server did not end within ${GONE_WITHIN_MS} ms of ${signal}`);
    }
  }

  async #ready(child: ChildProcess): Promise<void> {
    const deadline = Date.now() + READY_WITHIN_MS;
    while (Date.now() < deadline) {
      if (child.exitCode !== null || child.signalCode !== null || child.pid === undefined) {
        this.#process = undefined;
        throw new Error(`the server ended while it was starting:\n${this.log.join("")}`);
      }
      if (await answers(`${this.url}/readyz`)) return;
      await pause(POLL_MS);
    }
    throw new Error(`the server was not ready within ${READY_WITHIN_MS} ms:\n${this.log.join("")}`);
  }
}

async function answers(url: string): Promise<boolean> {
  try {
    return (await fetch(url)).ok;
  } catch {
    // Nobody listens yet.
    return false;
  }
}

async function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const probe = net.createServer();
    probe.once("error", reject);
    probe.listen(0, "127.0.0.1", () => {
      const { port } = probe.address() as net.AddressInfo;
      probe.close(() => resolve(port));
    });
  });
}
