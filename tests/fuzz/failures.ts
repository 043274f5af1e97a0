import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Kind, Pools } from './pools';
import { signWebhook } from './sign';
import type { Corpus } from './targets';
import type { Answer } from './wire';
import { bytesOf, plainRequest, type WireRequest } from './wire-request';
import { WEBHOOK_SECRET } from './world';

export interface Failure {
  target: string;
  fault: string;
  /** For --replay. */
  file: string | null;
}

/** A request as it was sent; what names something in that database is listed, so that it can be named in another one. */
interface Saved {
  target: string;
  fault: string;
  seed: number;
  number: number;
  method: string;
  cutOff: boolean;
  mayGoUnanswered: boolean;
  path: string;
  ids: Record<string, Kind>;
  secrets: Record<string, Secret>;
  /** For the reader. */
  shown: string;
  answer: string;
  base64: string;
}

type Secret = 'token' | 'desk.cookie' | 'desk.csrf' | 'expendable.cookie' | 'expendable.csrf';

interface Found {
  number: number;
  request: WireRequest;
  bytes: Buffer;
  fault: string;
  answer: Answer;
}

/** Files of one run; more would say nothing new. */
const KEPT = 200;
let kept = 0;

/** Keeps what found something, to be sent again by --replay. */
export function recordFailure(
  options: { failuresIn: string; seed: number; say(line: string): void },
  found: Found | { delivery: { topic: string; body: Buffer }; fault: string },
  corpus?: Corpus,
): Failure {
  if ('delivery' in found) {
    const { topic, body } = found.delivery;
    const headers = signWebhook(topic, body, WEBHOOK_SECRET);
    const request = plainRequest('webhook', 'POST', '/webhooks/woocommerce/default', headers, body);
    const answer: Answer = {
      kind: 'closed',
      why: 'it was answered 200; this is about what became of it',
      ms: 0,
    };
    return recordFailure(options, {
      number: -1,
      request,
      bytes: bytesOf(request),
      fault: found.fault,
      answer,
    });
  }
  const { number, request, bytes, fault, answer } = found;
  const { target, method, cutOff, mayGoUnanswered, path } = request;
  if (kept >= KEPT) return { target, fault, file: null };
  kept += 1;
  const text = bytes.toString('latin1');
  const saved: Saved = {
    ...{ target, fault, seed: options.seed, number, method, cutOff, mayGoUnanswered, path },
    ids: corpus ? idsIn(text, corpus.pools) : {},
    secrets: corpus ? secretsIn(text, corpus) : {},
    shown: bytes.toString('utf8', 0, 4000),
    answer:
      answer.kind === 'answer'
        ? `${answer.status} ${answer.body.toString('utf8', 0, 1000)}`
        : JSON.stringify(answer),
    base64: bytes.toString('base64'),
  };
  mkdirSync(options.failuresIn, { recursive: true });
  const file = join(options.failuresIn, `${Date.now()}-${kept}.json`);
  writeFileSync(file, `${JSON.stringify(saved, null, 2)}\n`);
  options.say(
    `FOUND ${target}: ${fault}\n  ${saved.shown.slice(0, 300).replace(/\r?\n/g, '\n  ')}\n  → ${saved.answer.slice(0, 300)}\n  kept in ${file}`,
  );
  return { target, fault, file };
}

function idsIn(text: string, pools: Pools): Record<string, Kind> {
  const ids = text.match(/[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}/g) ?? [];
  return Object.fromEntries(
    ids.flatMap((id) => {
      const kind = pools.kindOf(id);
      return kind ? [[id, kind]] : [];
    }),
  );
}

function secretsOf({ token, desk, expendable }: Corpus): Record<Secret, string> {
  return {
    token,
    'desk.cookie': desk.cookie,
    'desk.csrf': desk.csrf,
    'expendable.cookie': expendable.cookie,
    'expendable.csrf': expendable.csrf,
  };
}

function secretsIn(text: string, corpus: Corpus): Record<string, Secret> {
  const all = Object.entries(secretsOf(corpus)) as [Secret, string][];
  return Object.fromEntries(
    all.filter(([, value]) => text.includes(value)).map(([name, value]) => [value, name]),
  );
}

/** A kept request, with the ids and secrets of the database that it is sent to now: all of them are as long as before. */
export function loadFailure(
  file: string,
  corpus: Corpus,
): { request: WireRequest; bytes: Buffer; fault: string } {
  const saved = JSON.parse(readFileSync(file, 'utf8')) as Saved;
  let text = Buffer.from(saved.base64, 'base64').toString('latin1');
  const secrets = secretsOf(corpus);
  for (const [value, name] of Object.entries(saved.secrets)) text = text.replaceAll(value, secrets[name]);
  for (const [id, kind] of Object.entries(saved.ids)) text = text.replaceAll(id, corpus.pools.newest(kind));
  const { target, method, path, cutOff, mayGoUnanswered, fault } = saved;
  return {
    request: { ...plainRequest(target, method, path, []), cutOff, mayGoUnanswered },
    bytes: Buffer.from(text, 'latin1'),
    fault,
  };
}
