import type { Json } from '../support/api';
import { TOKEN } from '../support/app';
import { type Fleet, pause } from './servers';

export interface Answer {
  status: number;
  body: Json;
}

interface Request {
  method: 'GET' | 'POST';
  path: string;
  body?: string;
  headers?: Record<string, string>;
  /** The client loses its line after so many milliseconds. */
  cutAfterMs?: number;
}

/** No request may hang longer; the server's own limits end it before. */
const HANGS_MS = 30_000;

/** As a shop or an agent sees Zeton: by HTTP, and sometimes not at all. */
export class Client {
  /** Answers that no client should ever get. */
  readonly wrong: string[] = [];

  constructor(private readonly fleet: Pick<Fleet, 'up'>) {}

  /** Asks once a server is up. null: no answer came, and nobody knows how far the request got. */
  async ask({ method, path, body, headers, cutAfterMs }: Request): Promise<Answer | null> {
    const server = await this.fleet.up();
    const started = Date.now();
    try {
      const response = await fetch(`${server}${path}`, {
        method,
        headers: { 'Content-Type': 'application/json', ...headers },
        ...(body === undefined ? {} : { body }),
        signal: AbortSignal.timeout(cutAfterMs ?? HANGS_MS),
      });
      const text = await response.text();
      if (response.status >= 500) {
        this.wrong.push(`${method} ${path} was answered ${response.status}: ${text.slice(0, 300)}`);
      }
      return { status: response.status, body: text === '' ? null : JSON.parse(text) };
    } catch {
      if (Date.now() - started >= HANGS_MS)
        this.wrong.push(`${method} ${path} hung for ${HANGS_MS / 1000} s`);
      return null;
    }
  }

  /** Asks the same again, as a client with an Idempotency-Key does, until there is an answer that is not a 5xx. */
  async insist(request: Request): Promise<Answer> {
    const { cutAfterMs, ...patiently } = request;
    for (let next: Request = request; ; next = patiently) {
      const answer = await this.ask(next);
      if (answer && answer.status < 500) return answer;
      await pause(10);
    }
  }

  /** By the API, with the owner's token. */
  api(path: string, body?: unknown, key?: string, cutAfterMs?: number): Promise<Answer> {
    return this.insist({
      method: body === undefined ? 'GET' : 'POST',
      path: `/api/v1/${path}`,
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      headers: {
        Authorization: `Bearer ${TOKEN}`,
        ...(key === undefined ? {} : { 'Idempotency-Key': key }),
      },
      ...(cutAfterMs === undefined ? {} : { cutAfterMs }),
    });
  }
}
