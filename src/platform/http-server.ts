import { createServer, type RequestListener, type ServerResponse, STATUS_CODES } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Duplex } from 'node:stream';
import { limits } from './limits';
import { problemOf } from './problem';
import { Refusal } from './refusal';

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
  // Node would answer a missing Host itself, without a body.
  const server = createServer({ requireHostHeader: false }, (req, res) => {
    if (stopping) res.setHeader('Connection', 'close');
    if (req.headers.host === undefined && req.httpVersion === '1.1') {
      refuse(res, new Refusal('malformed-request', 'The request has no Host header.'));
    } else handler(req, res);
  });
  server.on('clientError', refuseUnreadable);
  server.on('checkExpectation', (_req, res) => {
    refuse(res, new Refusal('expectation-failed', 'Only 100-continue is known here.'));
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

/** For what never becomes a request that a route could answer: the same problem+json as everywhere else. */
function refuse(res: ServerResponse, refusal: Refusal): void {
  const { status, body } = problemOf(refusal);
  const text = JSON.stringify(body);
  const headers = { 'Content-Type': PROBLEM_JSON, 'Content-Length': Buffer.byteLength(text) };
  res.writeHead(status, { ...headers, Connection: 'close' }).end(text);
}

/** What node cannot read as HTTP, or did not get in time. There is no response yet: it is written by hand. */
function refuseUnreadable(error: NodeJS.ErrnoException, socket: Duplex): void {
  // Node keeps the answer that is under way here: nothing can be put into the middle of one.
  const underWay = (socket as { _httpMessage?: ServerResponse | null })._httpMessage;
  if (!socket.writable || error.code === 'ECONNRESET' || underWay?.headersSent) {
    socket.destroy();
    return;
  }
  const { status, body } = problemOf(unreadable(error.code));
  const text = JSON.stringify(body);
  const head = [
    `HTTP/1.1 ${status} ${STATUS_CODES[status] ?? ''}`,
    `Content-Type: ${PROBLEM_JSON}`,
    `Content-Length: ${Buffer.byteLength(text)}`,
    'Connection: close',
  ];
  socket.end(`${head.join('\r\n')}\r\n\r\n${text}`);
}

function unreadable(code: string | undefined): Refusal {
  if (code === 'HPE_HEADER_OVERFLOW') {
    return new Refusal('headers-too-large', 'The address and the headers are longer than is accepted here.');
  }
  if (code === 'ERR_HTTP_REQUEST_TIMEOUT') {
    return new Refusal('request-timeout', 'The request did not arrive in time.');
  }
  return new Refusal('malformed-request', 'The request is not HTTP.');
}

const PROBLEM_JSON = 'application/problem+json; charset=utf-8';
