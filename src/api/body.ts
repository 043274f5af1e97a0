import express, { type Request, type Response } from 'express';
import { limits } from '../platform/limits';
import { Refusal } from '../platform/refusal';
import { invalidRequest } from './invalid';

/** The JSON of the request's body; undefined when there is none. */
export async function readJson(
  req: Request,
  res: Response,
  limit: number = limits.apiBodyBytes,
): Promise<unknown> {
  const readBytes = express.raw({ type: () => true, limit });
  const failure = await new Promise<unknown>((resolve) => void readBytes(req, res, resolve));
  if (failure) throw bodyRefusal(failure, limit);
  const bytes: unknown = req.body;
  if (!Buffer.isBuffer(bytes) || bytes.length === 0) return undefined;
  if (!isJson(req.headers['content-type'])) {
    throw new Refusal('unsupported-media-type', 'Send the body as application/json.');
  }
  const text = utf8(bytes);
  refuseDeepNesting(text);
  try {
    return JSON.parse(text);
  } catch {
    throw new Refusal('malformed-json', 'The body is not JSON.');
  }
}

function isJson(contentType: string | undefined): boolean {
  const type = (contentType ?? '').split(';')[0]?.trim().toLowerCase() ?? '';
  return type === 'application/json' || /^application\/[\w.-]+\+json$/.test(type);
}

function utf8(bytes: Buffer): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    throw new Refusal('malformed-json', 'The body is not UTF-8.');
  }
}

/** Counted on the text, before anything recursive sees it. */
function refuseDeepNesting(text: string): void {
  let depth = 0;
  let quoted = false;
  for (let i = 0; i < text.length; i++) {
    const char = text.charCodeAt(i);
    if (quoted) {
      if (char === 92 /* \ */) i++;
      else if (char === 34 /* " */) quoted = false;
    } else if (char === 34) quoted = true;
    else if (char === 91 /* [ */ || char === 123 /* { */) {
      depth++;
      if (depth > limits.jsonDepth)
        throw invalidRequest('', `is nested deeper than ${limits.jsonDepth} levels`);
    } else if (char === 93 /* ] */ || char === 125 /* } */) depth--;
  }
}

/** What the body reader throws has a `status` and a `type`. */
function bodyRefusal(error: unknown, limit: number): Error {
  const status = (error as { status?: number }).status;
  if (status === 413) {
    return new Refusal('body-too-large', `The body is larger than ${limit} bytes.`, { limit_bytes: limit });
  }
  if (status === 415)
    return new Refusal('unsupported-media-type', 'The encoding of the body is not known here.');
  if (status === 400) return new Refusal('malformed-json', 'The body could not be read to its end.');
  return error instanceof Error ? error : new Error(String(error));
}

/**
 * Where the first text stands that cannot be kept as it is, on both engines alike: PostgreSQL takes no NUL, and half of
 * a surrogate pair is no UTF-8.
 */
export function unstorableAt(value: unknown, path: string[] = []): string[] | null {
  if (typeof value === 'string') return UNSTORABLE.test(value) ? path : null;
  if (typeof value !== 'object' || value === null) return null;
  for (const [key, inner] of Object.entries(value)) {
    const found = UNSTORABLE.test(key) ? path : unstorableAt(inner, [...path, key]);
    if (found) return found;
  }
  return null;
}

const UNSTORABLE = /[\0\p{Surrogate}]/u;

/** The same text for the same content, whatever the order of members and the white space. */
export function canonicalJson(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(canonicalJson).join(',')}]`;
  if (typeof value !== 'object' || value === null) return JSON.stringify(value) ?? '';
  const members = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1));
  return `{${members.map(([key, inner]) => `${JSON.stringify(key)}:${canonicalJson(inner)}`).join(',')}}`;
}
