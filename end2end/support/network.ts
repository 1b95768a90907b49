// One person's line to the server, which a test can cut or freeze: a forward proxy that the browser is
// told to use, so that addresses and origins stay what they are.

import http from "node:http";
import net from "node:net";
import { Transform, type TransformCallback } from "node:stream";

import type { Page } from "@playwright/test";

type State = "open" | "cut" | "frozen";

/** One direction of one connection. While it is closed, it keeps what comes and gives nothing on. */
class Gate extends Transform {
  #held: (() => void) | undefined;
  #closed: boolean;

  constructor(closed: boolean) {
    super();
    this.#closed = closed;
  }

  shut(): void {
    this.#closed = true;
  }

  open(): void {
    this.#closed = false;
    const held = this.#held;
    this.#held = undefined;
    held?.();
  }

  override _transform(chunk: Buffer, _encoding: BufferEncoding, done: TransformCallback): void {
    this.#pass(() => done(null, chunk));
  }

  override _flush(done: TransformCallback): void {
    this.#pass(() => done());
  }

  /** A stream has at most one step under way, so there is at most one to hold. */
  #pass(step: () => void): void {
    if (this.#closed) this.#held = step;
    else step();
  }
}

export class NetworkLine {
  readonly #proxy: http.Server;
  readonly #sockets = new Set<net.Socket>();
  readonly #gates = new Set<Gate>();
  #state: State = "open";

  private constructor() {
    this.#proxy = http.createServer((request, response) => this.#forward(request, response));
    this.#proxy.on("connect", (request, socket: net.Socket, head) => this.#tunnel(request, socket, head));
    this.#proxy.on("connection", (socket) => this.#accept(socket));
  }

  static async open(): Promise<NetworkLine> {
    const line = new NetworkLine();
    await new Promise<void>((resolve) => line.#proxy.listen(0, "127.0.0.1", resolve));
    return line;
  }

  /** What a browser context is opened with to be on this line. */
  get options(): { proxy: { server: string } } {
    const { port } = this.#proxy.address() as net.AddressInfo;
    return { proxy: { server: `http://127.0.0.1:${port}` } };
  }

  /** Drops every connection and refuses new ones. */
  cut(): void {
    this.#state = "cut";
    for (const socket of this.#sockets) socket.destroy();
  }

  /** Keeps every connection but lets nothing through, as a network does that has silently gone. */
  freeze(): void {
    this.#state = "frozen";
    for (const gate of this.#gates) gate.shut();
  }

  /** Lets everything through again. */
  restore(): void {
    this.#state = "open";
    for (const gate of this.#gates) gate.open();
  }

  /**
   * The same, and the page is told, as a browser tells of a network that is there again. A page that is not tries by
   * itself, after pauses that double.
   */
  async restoreAndTell(page: Page): Promise<void> {
    this.restore();
    await page.evaluate(() => window.dispatchEvent(new Event("online")));
  }

  async close(): Promise<void> {
    this.cut();
    await new Promise<void>((resolve) => this.#proxy.close(() => resolve()));
  }

  #accept(socket: net.Socket): void {
    if (this.#state === "cut") {
      socket.destroy();
      return;
    }
    this.#keep(socket);
  }

  #keep(socket: net.Socket): void {
    this.#sockets.add(socket);
    socket.on("close", () => this.#sockets.delete(socket));
    // A connection that breaks is what this class is for; "close" follows.
    socket.on("error", () => undefined);
  }

  /** A gate for one direction, which stands as the line does. */
  #gate(): Gate {
    const gate = new Gate(this.#state === "frozen");
    this.#gates.add(gate);
    gate.on("close", () => this.#gates.delete(gate));
    // What is destroyed with its connection has said all there is to say.
    gate.on("error", () => undefined);
    return gate;
  }

  #forward(request: http.IncomingMessage, response: http.ServerResponse): void {
    const onward = http.request(
      request.url ?? "",
      { method: request.method ?? "GET", headers: request.headers, agent: false },
      (answer) => {
        response.writeHead(answer.statusCode ?? 502, answer.headers);
        answer.pipe(this.#gate()).pipe(response);
      },
    );
    onward.on("socket", (socket) => this.#keep(socket));
    onward.on("error", () => response.destroy());
    response.on("close", () => onward.destroy());
    request.pipe(this.#gate()).pipe(onward);
  }

  #tunnel(request: http.IncomingMessage, socket: net.Socket, head: Buffer): void {
    const { hostname, port } = new URL(`http://${request.url ?? ""}`);
    const onward = net.connect(Number(port), hostname, () => {
      socket.write("HTTP/1.1 200 Connection established\r\n\r\n");
      const out = this.#gate();
      out.write(head);
      socket.pipe(out).pipe(onward);
      onward.pipe(this.#gate()).pipe(socket);
    });
    this.#keep(onward);
    onward.on("close", () => socket.destroy());
    socket.on("close", () => onward.destroy());
  }
}
