import { connect, type Socket } from 'node:net';

/** What came back, or why nothing did. */
export type Answer =
  | { kind: 'answer'; status: number; headers: [string, string][]; body: Buffer; ms: number }
  | { kind: 'closed'; why: string; ms: number }
  | { kind: 'late'; ms: number };

export interface Ask {
  bytes: Buffer;
  method: string;
  /** The request is cut off on purpose: nothing more is sent, and that is said. */
  cutOff: boolean;
}

/**
 * A connection of its own to the server, kept while both sides keep it. Bytes are written as they are: no client library
 * would send half of what is sent here.
 */
export class Lane {
  private socket: Socket | null = null;

  constructor(
    private readonly port: number,
    private readonly deadlineMs: number,
  ) {}

  async send(ask: Ask): Promise<Answer> {
    const reused = this.socket !== null;
    const answer = await this.once(ask);
    // The server may give up a connection in the moment in which it is used again.
    if (answer.kind === 'closed' && reused && !ask.cutOff) return this.once(ask);
    return answer;
  }

  close(): void {
    this.socket?.destroy();
    this.socket = null;
  }

  private once({ bytes, method, cutOff }: Ask): Promise<Answer> {
    const start = performance.now();
    const ms = () => performance.now() - start;
    const socket = this.socket ?? connect({ port: this.port, host: '127.0.0.1', noDelay: true });
    this.socket = null;
    return new Promise<Answer>((resolve) => {
      const chunks: Buffer[] = [];
      let size = 0;
      let failure = 'closed without an answer';
      const finish = (answer: Answer, keep: boolean) => {
        clearTimeout(timer);
        socket.removeAllListeners();
        socket.on('error', () => undefined);
        if (keep) {
          this.socket = socket;
          socket.once('close', () => {
            if (this.socket === socket) this.socket = null;
          });
        } else socket.destroy();
        resolve(answer);
      };
      const timer = setTimeout(() => finish({ kind: 'late', ms: ms() }, false), this.deadlineMs);
      const look = (ended: boolean) => {
        const parsed = parse(
          chunks.length === 1 ? (chunks[0] as Buffer) : Buffer.concat(chunks),
          method,
          ended,
        );
        if (parsed) finish({ kind: 'answer', ...parsed.answer, ms: ms() }, parsed.keep && !cutOff && !ended);
        else if (ended)
          finish(
            { kind: 'closed', why: size > 0 ? `${failure}, after ${size} bytes` : failure, ms: ms() },
            false,
          );
      };
      socket.on('data', (chunk: Buffer) => {
        chunks.push(chunk);
        size += chunk.length;
        look(false);
      });
      socket.on('error', (error: NodeJS.ErrnoException) => {
        failure = error.code ?? error.message;
      });
      socket.on('close', () => look(true));
      socket.write(bytes);
      if (cutOff) socket.end();
    });
  }
}

interface Parsed {
  answer: { status: number; headers: [string, string][]; body: Buffer };
  keep: boolean;
}

/** null: not all of it has come. */
function parse(bytes: Buffer, method: string, ended: boolean): Parsed | null {
  const end = bytes.indexOf('\r\n\r\n');
  if (end === -1) return null;
  const [first = '', ...lines] = bytes.toString('latin1', 0, end).split('\r\n');
  const status = Number(/^HTTP\/1\.1 (\d{3})/.exec(first)?.[1] ?? Number.NaN);
  const rest = bytes.subarray(end + 4);
  if (status >= 100 && status < 200 && status !== 101) return parse(rest, method, ended);
  const headers = lines.map((line): [string, string] => {
    const colon = line.indexOf(':');
    return [line.slice(0, colon).toLowerCase(), line.slice(colon + 1).trim()];
  });
  const header = (name: string) => headers.find(([key]) => key === name)?.[1];
  const keep = header('connection') !== 'close' && header('upgrade') === undefined;
  const done = (body: Buffer, framed = true): Parsed => ({
    answer: { status, headers, body },
    keep: keep && framed,
  });
  if (method === 'HEAD' || status === 204 || status === 304) return done(Buffer.alloc(0));
  const length = header('content-length');
  if (length !== undefined) {
    return rest.length >= Number(length)
      ? done(rest.subarray(0, Number(length)), rest.length === Number(length))
      : null;
  }
  if (header('transfer-encoding') === 'chunked') {
    const body = unchunked(rest);
    return body === null ? null : done(body);
  }
  return ended ? done(rest, false) : null;
}

/** null: not all of it has come. */
function unchunked(bytes: Buffer): Buffer | null {
  const pieces: Buffer[] = [];
  for (let at = 0; ; ) {
    const lineEnd = bytes.indexOf('\r\n', at);
    if (lineEnd === -1) return null;
    const size = Number.parseInt(bytes.toString('latin1', at, lineEnd), 16);
    const from = lineEnd + 2;
    if (bytes.length < from + size + 2) return null;
    if (size === 0) return Buffer.concat(pieces);
    pieces.push(bytes.subarray(from, from + size));
    at = from + size + 2;
  }
}
