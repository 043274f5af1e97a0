import { createServer, type RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';
import { limits } from './limits';

export interface HttpServer {
  port: number;
  /** Takes no new connection, finishes the requests that have begun, and resolves when the last one is answered. */
  stop(): Promise<void>;
}

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
  server.requestTimeout = limits.requestMs;
  server.headersTimeout = limits.requestHeadersMs;
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
