// The server of a test's own: one process with an empty data directory, or several nodes with a database and a
// Redis of their own; killed and started again at will, their log kept.

import { type ChildProcess, spawn } from "node:child_process";
import { randomInt, randomUUID } from "node:crypto";
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
  readonly log: string[] = [];
  readonly #nodes: Node[];
  readonly #dataDir: string;
  readonly #beside: ChildProcess[];
  #next = 0;

  private constructor(nodes: Node[], dataDir: string, beside: ChildProcess[]) {
    this.#nodes = nodes;
    this.#dataDir = dataDir;
    this.#beside = beside;
  }

  /**
   * Starts a server with the demo accounts and waits until it is ready. More than one node needs a replica set
   * under MONGODB_URL and a redis-server to be run; its files are in a bucket of an S3 server. `settings` are told to
   * each node by its environment.
   */
  static async start(nodes = 1, settings: Record<string, string> = {}): Promise<Server> {
    const dataDir = fs.mkdtempSync(path.join(os.tmpdir(), "samvad-test-"));
    const shared: Record<string, string> = { ...settings };
    const beside: ChildProcess[] = [];
    if (nodes > 1) {
      const port = await freePort();
      beside.push(startRedis(port));
      shared["REDIS_URL"] = `redis://127.0.0.1:${port}`;
      shared["MONGODB_URL"] = ownDatabase();
      shared["SAMVAD_SECRET"] = randomUUID();
      const s3 = await startS3(path.join(dataDir, "s3"));
      beside.push(s3.process);
      Object.assign(shared, s3.settings);
    }
    const made: Node[] = [];
    const server = new Server(made, dataDir, beside);
    for (let number = 0; number < nodes; number += 1) {
      made.push(new Node(await freePort(), dataDir, shared, server.log));
    }
    await server.start();
    return server;
  }

  /** Where the next person goes: to each node in turn. */
  turn(): string {
    const node = this.#nodes[this.#next % this.#nodes.length];
    if (node === undefined) throw new Error("a server has at least one node");
    this.#next += 1;
    return node.url;
  }

  /** Starts every process again, on the same ports and the same data. */
  async start(): Promise<void> {
    // One after the other: the first brings the demo accounts.
    for (const node of this.#nodes) await node.start();
  }

  /** Ends every process without any warning, as a crash or a power cut would. */
  async kill(): Promise<void> {
    await Promise.all(this.#nodes.map((node) => node.end("SIGKILL")));
  }

  /** Asks every process to end, and insists that it does. */
  async stop(): Promise<void> {
    await Promise.all(this.#nodes.map((node) => node.end("SIGTERM")));
  }

  /** Ends what still runs, and removes the data. */
  async dispose(): Promise<void> {
    await Promise.all(this.#nodes.filter((node) => node.runs).map((node) => node.end("SIGKILL")));
    for (const process of this.#beside) process.kill("SIGKILL");
    fs.rmSync(this.#dataDir, { recursive: true, force: true });
  }
}

/** One process of the server. */
class Node {
  readonly url: string;
  readonly #port: number;
  readonly #dataDir: string;
  readonly #shared: Record<string, string>;
  readonly #log: string[];
  #process: ChildProcess | undefined;

  constructor(port: number, dataDir: string, shared: Record<string, string>, log: string[]) {
    this.#port = port;
    this.#dataDir = dataDir;
    this.#shared = shared;
    this.#log = log;
    this.url = `http://127.0.0.1:${port}`;
  }

  get runs(): boolean {
    return this.#process !== undefined;
  }

  async start(): Promise<void> {
    if (this.#process !== undefined) throw new Error("the server is already running");
    const binary = path.resolve(process.env["SAMVAD_SERVER"] ?? path.join(PROJECT, "target/release/samvad"));
    const site = path.resolve(process.env["SAMVAD_SITE_ROOT"] ?? path.join(PROJECT, "target/site"));
    if (!fs.existsSync(binary)) throw new Error(`${binary} is missing: run \`make build\` first`);
    const { MONGODB_URL: _mongo, REDIS_URL: _redis, SAMVAD_CONFIG: _config, ...environment } = process.env;
    const child = spawn(
      binary,
      ["serve", "--demo", "--addr", `127.0.0.1:${this.#port}`, "--data-dir", this.#dataDir, "--site-root", site],
      // Not where somebody may keep a samvad.toml.
      { cwd: this.#dataDir, env: { ...environment, ...this.#shared }, stdio: ["ignore", "pipe", "pipe"] },
    );
    this.#process = child;
    const keep = (chunk: Buffer) => this.#log.push(chunk.toString("utf8"));
    child.stdout?.on("data", keep);
    child.stderr?.on("data", keep);
    child.on("error", (error) => this.#log.push(`could not be started: ${error.message}\n`));
    await this.#ready(child);
  }

  async end(signal: NodeJS.Signals): Promise<void> {
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
        throw new Error(`the server ended while it was starting:\n${this.#log.join("")}`);
      }
      if (await answers(`${this.url}/readyz`)) return;
      await pause(POLL_MS);
    }
    throw new Error(`the server was not ready within ${READY_WITHIN_MS} ms:\n${this.#log.join("")}`);
  }
}

/** A Redis that keeps nothing. Whoever connects does so until it is there. */
function startRedis(port: number): ChildProcess {
  const quiet = ["--save", "", "--appendonly", "no", "--bind", "127.0.0.1", "--port", String(port)];
  const child = spawn("redis-server", quiet, { stdio: "ignore" });
  child.on("error", (error) => {
    throw new Error(`redis-server cannot be run: ${error.message}`);
  });
  return child;
}

/** An S3 server of our own, and what a node has to be told of it. */
async function startS3(folder: string): Promise<{ process: ChildProcess; settings: Record<string, string> }> {
  const binary = path.join(PROJECT, "target/debug/examples/s3-server");
  if (!fs.existsSync(binary)) {
    throw new Error(`${binary} is missing: cargo build -p server --example s3-server`);
  }
  const child = spawn(binary, [folder], { stdio: ["ignore", "pipe", "ignore"] });
  const address = await new Promise<string>((resolve, reject) => {
    let said = "";
    child.stdout.on("data", (chunk: Buffer) => {
      said += chunk.toString("utf8");
      const found = /ready: (\S+)\n/.exec(said)?.[1];
      if (found !== undefined) resolve(found);
    });
    child.on("error", reject);
    child.on("exit", () => reject(new Error(`the S3 server ended: ${said}`)));
  });
  const settings = {
    SAMVAD_ATTACHMENTS: "s3://attachments/samvad",
    SAMVAD_S3_ENDPOINT: address,
    AWS_ACCESS_KEY_ID: "samvad-tests",
    AWS_SECRET_ACCESS_KEY: "samvad-tests-secret",
  };
  return { process: child, settings };
}

/** A database that no other test has, on the replica set that the environment names. It goes with the set. */
function ownDatabase(): string {
  const url = process.env["MONGODB_URL"];
  if (url === undefined) {
    throw new Error('MONGODB_URL is not set: scripts/services.sh start, then eval "$(scripts/services.sh env)"');
  }
  return url.replace(/^(mongodb:\/\/[^/]+)\/[^?]*/, `$1/end2end_${randomUUID().replaceAll("-", "")}`);
}

async function answers(url: string): Promise<boolean> {
  try {
    return (await fetch(url)).ok;
  } catch {
    // Nobody listens yet.
    return false;
  }
}

/** A port that nobody listens on, and that the system gives to no connection that somebody opens meanwhile. */
async function freePort(): Promise<number> {
  for (;;) {
    const port = randomInt(12_000, 32_000);
    const isFree = await new Promise<boolean>((resolve) => {
      const probe = net.createServer();
      probe.once("error", () => resolve(false));
      probe.listen(port, "127.0.0.1", () => probe.close(() => resolve(true)));
    });
    if (isFree) return port;
  }
}
