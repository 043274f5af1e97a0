import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { isDeepStrictEqual } from 'node:util';
import type { Request, RequestHandler, Response } from 'express';
import { z } from 'zod';
import { actorOf, type Principal, type Scope } from '../domain/access';
import type { Actor } from '../platform/actor';
import type { Trx } from '../platform/db';
import { isId } from '../platform/ids';
import { limits } from '../platform/limits';
import { assert, Refusal } from '../platform/refusal';
import { sha256Hex } from '../platform/secrets';
import type { Context } from '../usecases/context';
import { withIdempotency, withoutIdempotency } from '../usecases/idempotency';
import { canonicalJson, readJson, unstorableAt } from './body';
import { invalidMembers, invalidRequest, membersIn } from './invalid';
import { notFound, principalOf, requireScope } from './principal';

type ParamsIn<Path extends string> = Path extends `${string}{${infer Name}}${infer Rest}`
  ? { [K in Name]: string } & ParamsIn<Rest>
  : unknown;

/** What a handler is given: everything checked, nothing raw. */
export interface Call<Path extends string, Query, Body> {
  ctx: Context;
  principal: Principal;
  actor: Actor;
  /** `{id}` is an id, or the answer was 404 already. */
  params: ParamsIn<Path>;
  query: Query;
  body: Body;
  wantsCsv: boolean;
  /** Refuses with 400 when no Idempotency-Key came: for what spends. */
  requireKey(): void;
  hasKey: boolean;
  /** Answer with this status instead of the endpoint's usual one. */
  answerWith(status: 200): void;
  /** The work in one transaction; with an Idempotency-Key only once, and every repeat gets the first answer. */
  once<Answer>(work: (trx: Trx) => Promise<Answer>): Promise<Answer>;
}

/** Text in pieces, sent as they come. */
export class CsvStream {
  constructor(
    readonly filename: string,
    readonly pieces: AsyncIterable<string>,
  ) {}
}

interface Spec<
  Path extends string,
  Query extends z.ZodObject,
  Body extends z.ZodType,
  Answer extends z.ZodType,
> {
  /** Unique; the operationId of the document. */
  name: string;
  method: 'get' | 'post' | 'patch';
  path: Path;
  resource: string;
  scope: Scope;
  summary: string;
  description?: string;
  query?: Query;
  body?: Body;
  /** Most that it may have; `limits.apiBodyBytes` when left out. */
  bodyBytes?: number;
  /** Whether an Idempotency-Key is read, and when it must be there. */
  key?: { required: boolean; when?: string };
  status: 200 | 201;
  /** When a 201 is a 200: what stands there already. */
  sometimes200?: string;
  answer: Answer;
  csv?: string;
  /** Codes beside those that every endpoint of its kind can answer with. */
  problems?: string[];
  handle(call: Call<Path, z.output<Query>, z.output<Body>>): Promise<z.input<Answer> | CsvStream>;
}

export type Endpoint = Omit<Spec<string, z.ZodObject, z.ZodType, z.ZodType>, 'handle'> & {
  handle(call: Call<string, unknown, unknown>): Promise<unknown>;
};

const nothing = z.strictObject({});

/** Declares one endpoint: the same schemas validate the request and make the OpenAPI document. */
export function endpoint<
  const Path extends string,
  Answer extends z.ZodType,
  Query extends z.ZodObject = typeof nothing,
  Body extends z.ZodType = z.ZodOptional<typeof nothing>,
>(spec: Spec<Path, Query, Body, Answer>): Endpoint {
  return spec as unknown as Endpoint;
}

/** Under test every answer is held to its documented shape; in service that work is saved. */
const CHECK_ANSWERS = process.env.NODE_ENV === 'test';

/** From request to answer: who → may they → what → do it. */
export function handlerOf(spec: Endpoint, ctx: Context, environmentToken: string | null): RequestHandler {
  return async (req, res) => {
    res.setHeader('Cache-Control', 'no-store');
    const principal = await principalOf(ctx, environmentToken, req);
    requireScope(principal, spec.scope);
    const params = req.params as Record<string, string>;
    if ((params.id !== undefined && !isId(params.id)) || unstorableAt(params)) throw notFound(spec.resource);
    const query = parsed(spec.query ?? nothing, req.query);
    const json = spec.method === 'get' ? undefined : await readJson(req, res, spec.bodyBytes);
    const body = spec.method === 'get' ? undefined : parsed(spec.body ?? nothing.optional(), json);
    const key = spec.key ? idempotencyKeyOf(req) : null;
    const wantsCsv = spec.csv !== undefined && req.accepts(['application/json', 'text/csv']) === 'text/csv';

    let status: number = spec.status;
    const answer = await spec.handle({
      ctx,
      principal,
      actor: actorOf(principal),
      params,
      query,
      body,
      wantsCsv,
      hasKey: key !== null,
      requireKey() {
        if (key !== null) return;
        throw new Refusal(
          'idempotency-key-required',
          'This spends credits: send an Idempotency-Key header, a new one for each new request.',
        );
      },
      answerWith(other) {
        status = other;
      },
      async once<Answer>(work: (trx: Trx) => Promise<Answer>) {
        const toAnswer = async (trx: Trx) => {
          const answered = await work(trx);
          return { status, body: answered };
        };
        if (key === null) return (await withoutIdempotency(ctx, toAnswer)).body as Answer;
        const request = `${req.method} ${fill(spec.path, params)}\n${canonicalJson(json)}`;
        const done = await withIdempotency(
          ctx,
          { principal: principal.id, key, requestSha256: sha256Hex(request) },
          toAnswer,
        );
        if (done.replayed) res.setHeader('Idempotency-Replayed', 'true');
        status = done.status;
        return done.body as Answer;
      },
    });
    if (answer instanceof CsvStream) return sendCsv(res, answer);
    if (CHECK_ANSWERS) checkAnswer(spec, answer);
    if (spec.csv) res.vary('Accept');
    res.status(status).json(answer);
  };
}

function parsed(schema: z.ZodType, value: unknown): unknown {
  const bad = unstorableAt(value);
  if (bad) throw invalidRequest(bad.join('.'), 'has characters that are no text');
  const result = schema.safeParse(value, { reportInput: true });
  if (!result.success) throw invalidMembers(membersIn(result.error));
  return result.data;
}

function idempotencyKeyOf(req: Request): string | null {
  const key = req.headers['idempotency-key'];
  if (key === undefined || key === '') return null;
  // Node joins a repeated header with ", ": the space makes it invalid, as it should be.
  if (typeof key !== 'string' || !/^[\x21-\x7e]+$/.test(key) || key.length > limits.idempotencyKeyChars) {
    throw invalidRequest(
      'Idempotency-Key',
      `must be 1 to ${limits.idempotencyKeyChars} visible ASCII characters, without spaces`,
    );
  }
  return key;
}

function fill(path: string, params: Record<string, string>): string {
  return path.replace(/\{(\w+)\}/g, (_, name: string) => encodeURIComponent(params[name] ?? ''));
}

async function sendCsv(res: Response, csv: CsvStream): Promise<void> {
  const pieces = csv.pieces[Symbol.asyncIterator]();
  const first = await pieces.next(); // what fails here can still be answered as a problem
  res.status(200).attachment(csv.filename).vary('Accept');
  async function* all() {
    if (first.done) return;
    yield first.value;
    yield* { [Symbol.asyncIterator]: () => pieces };
  }
  try {
    await pipeline(Readable.from(all()), res);
  } catch (error) {
    // The reader went away; nobody has to know.
    if ((error as NodeJS.ErrnoException).code !== 'ERR_STREAM_PREMATURE_CLOSE') throw error;
  }
}

function checkAnswer(spec: Endpoint, answer: unknown): void {
  const plain: unknown = JSON.parse(JSON.stringify(answer));
  const result = spec.answer.safeParse(plain);
  assert(result.success, `${spec.name} answers as documented: ${result.error?.message}`);
  assert(isDeepStrictEqual(result.data, plain), `${spec.name} answers with documented members only`);
}
