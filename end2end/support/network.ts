// One person's line to the server, which a test can cut or freeze: a forward proxy that the browser is
// told to use, so that addresses and origins stay what they are.

import http from "node:http";
import net from "node:net";

type State = "open" | "cut" | "frozen";

export class NetworkLine {
  readonly #proxy: http.Server;
  readonly #sockets = new Set<net.Socket>();
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
    for (const socket of this.#sockets) socket.pause();
  }

  /** Lets everything through again. */
  restore(): void {
    this.#state = "open";
    for (const socket of this.#sockets) socket.resume();
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
    if (this.#state === "frozen") socket.pause();
  }

  #forward(request: http.IncomingMessage, response: http.ServerResponse): void {
    const onward = http.request(
      request.url ?? "",
      { method: request.method ?? "GET", headers: request.headers, agent: false },
      (answer) => {
        response.writeHead(answer.statusCode ?? 502, answer.headers);
        answer.pipe(response);
      },
    );
    onward.on("socket", (socket) => this.#keep(socket));
    onward.on("error", () => response.destroy());
    response.on("close", () => onward.destroy());
    request.pipe(onward);
  }

  #tunnel(request: http.IncomingMessage, socket: net.Socket, head: Buffer): void {
    const { hostname, port } = new URL(`http://${request.url ?? ""}`);
    const onward = net.connect(Number(port), hostname, () => {
      socket.write("HTTP/1.1 200 Connection established\r\n\r\n");
      onward.write(head);
      socket.pipe(onward);
      onward.pipe(socket);
    });
    this.#keep(onward);
    onward.on("close", () => socket.destroy());
    socket.on("close", () => onward.destroy());
  }
}
