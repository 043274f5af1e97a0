import { CANARY, INJECTED_HEADER } from './nasty';
import type { Answer } from './wire';
import type { WireRequest } from './wire-request';

/** What is wrong with an answer; null: nothing. */
export function faultOf(request: WireRequest, answer: Answer): string | null {
  if (answer.kind === 'late') return `no answer within ${Math.round(answer.ms)} ms`;
  if (answer.kind === 'closed') return request.mayGoUnanswered ? null : `no answer: ${answer.why}`;
  const { status, headers, body } = answer;
  // /readyz is there to say 503: here, that the database of a busy machine took longer than its two seconds.
  if (status >= 500 && !(status === 503 && request.path === '/readyz')) return `status ${status}`;
  if (headers.some(([name]) => name === INJECTED_HEADER.toLowerCase())) return 'a header was injected';
  const type = headers.find(([name]) => name === 'content-type')?.[1] ?? '';
  if (type.startsWith('text/html') && isMarkup(body)) return 'markup of the input came back as markup';
  if (request.method === 'HEAD' || !isApi(request.path)) return null;
  if (status >= 400) return problemFault(status, type, body);
  if (!type.startsWith('application/json') || status === 204) return null;
  return readJson(body) === undefined ? 'an answer of the API is not JSON' : null;
}

/** Between quotes, as the value of an attribute, it is text. */
function isMarkup(html: Buffer): boolean {
  return (
    html.includes(CANARY) &&
    html
      .toString()
      .replace(/="[^"]*"/g, '')
      .includes(CANARY)
  );
}

function isApi(path: string): boolean {
  return path.startsWith('/api/');
}

/** RFC 9457, for whatever is refused. */
function problemFault(status: number, type: string, body: Buffer): string | null {
  if (!type.startsWith('application/problem+json')) return `status ${status} of the API as "${type}"`;
  const problem = readJson(body);
  if (!problem) return `status ${status} of the API is not JSON`;
  if (problem.status !== status) return `status ${status} of the API says ${String(problem.status)} inside`;
  if (typeof problem.type !== 'string' || !problem.type.startsWith('/problems/'))
    return `status ${status} without type`;
  if (typeof problem.title !== 'string' || problem.title === '') return `status ${status} without title`;
  return null;
}

function readJson(body: Buffer): Record<string, unknown> | undefined {
  try {
    return JSON.parse(body.toString()) as Record<string, unknown>;
  } catch {
    return undefined;
  }
}

export interface LogLine {
  level: number;
  msg: string;
  err?: { message?: string; code?: string; stack?: string };
  reason?: string;
}

/**
 * What a line of the log says against the server; null: nothing. A signed body that is no order is parked, and a person
 * has to look at it: that line is right. One that was parked or put off by an exception is not.
 */
export function faultOfLine(line: LogLine): string | null {
  if (line.msg === 'delivery will be tried again')
    return `processing a delivery throws: ${line.err?.message ?? ''}`;
  if (line.level < 50) return null;
  if (line.msg === 'delivery parked as failed' && !line.err) return null;
  return `the log says at ERROR: ${line.msg}${line.err ? `: ${line.err.message ?? ''}` : ''}`;
}
