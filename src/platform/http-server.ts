import { createServer, type RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';

export interface HttpServer {
  port: number;
  /** Takes no new connection, finishes the requests that have begun, and resolves when the last one is answered. */
  stop(): Promise<void>;
}

/** WooCommerce waits 60 s for an answer, so a body that takes longer has nobody behind it; it also ends slow attacks. */
const REQUEST_TIMEOUT_MS = 60_000;
const HEADERS_TIMEOUT_MS = 20_000;
const IDLE_CHECK_MS = 50;

/** Errors: EADDRINUSE, EACCES, EADDRNOTAVAIL … of node. */
export async function listen(
  handler: RequestListener,
  { port, host }: { port: number; host: string },
): Promise<HttpServer> {
  let stopping = false;
  const server = createServer((req, res) => {
    if (stopping) res.setHeader('Connection', 'close');
    handler(req, res);
  });
  server.requestTimeout = REQUEST_TIMEOUT_MS;
  server.headersTimeout = HEADERS_TIMEOUT_MS;
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, host, () => {
      server.off('error', reject);
      resolve();
    });
  });
  return {
    port: (server.address() as AddressInfo).port,
    async stop() {
      stopping = true;
      await new Promise<void>((resolve) => {
        // A connection that is kept alive counts as open until its client leaves.
        const timer = setInterval(() => server.closeIdleConnections(), IDLE_CHECK_MS);
        server.close(() => {
          clearInterval(timer);
          resolve();
        });
        server.closeIdleConnections();
      });
    },
  };
}
