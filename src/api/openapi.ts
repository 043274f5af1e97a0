import { z } from 'zod';
import {
  createDocument,
  type ZodOpenApiOperationObject,
  type ZodOpenApiPathsObject,
  type ZodOpenApiResponsesObject,
} from 'zod-openapi';
import { limits } from '../platform/limits';
import { assert } from '../platform/refusal';
import type { Endpoint } from './endpoint';
import { problemNamed } from './problems';

export interface Group {
  tag: string;
  description: string;
  endpoints: Endpoint[];
}

export type OpenApiDocument = ReturnType<typeof createDocument>;

const problem = z
  .looseObject({
    type: z.string().meta({ example: '/problems/not-found' }),
    title: z.string(),
    status: z.int(),
    detail: z.string().optional(),
  })
  .meta({ id: 'Problem', description: 'RFC 9457. Further members are the facts of the problem.' });

/** The document of the API, from the schemas that validate its requests. */
export function openApiDocument(groups: Group[], publicUrl: string): OpenApiDocument {
  const paths: Record<string, Record<string, ZodOpenApiOperationObject>> = {};
  for (const { tag, endpoints } of groups) {
    for (const spec of endpoints) {
      const path = paths[spec.path] ?? {};
      paths[spec.path] = path;
      assert(!path[spec.method], `${spec.method} ${spec.path} is declared once`);
      path[spec.method] = operationOf(spec, tag);
    }
  }
  return createDocument(
    {
      openapi: '3.1.0',
      info: {
        title: 'Zeton API',
        version: '1',
        description:
          'Prepaid support credits and tickets of WooCommerce shops. JSON in snake_case; times are ISO 8601 in UTC; ' +
          'ids are text; lists are `{data, next_cursor}`; errors are RFC 9457 problems.',
        license: { name: 'MIT', identifier: 'MIT' },
      },
      servers: [{ url: publicUrl }],
      security: [{ token: [] }],
      tags: groups.map(({ tag, description }) => ({ name: tag, description })),
      components: {
        securitySchemes: {
          token: {
            type: 'http',
            scheme: 'bearer',
            description: 'An API token; its scopes are named per operation.',
          },
        },
      },
      paths: paths as ZodOpenApiPathsObject,
    },
    {
      override: ({ jsonSchema, io }) => {
        // What is sent may get more members one day; readers must not refuse those.
        if (io === 'output' && jsonSchema.additionalProperties === false)
          delete jsonSchema.additionalProperties;
      },
    },
  );
}

const PARAMS: Record<string, string> = {
  id: 'An id; anything else is not found.',
  slug: 'Slug of the store.',
};

function operationOf(spec: Endpoint, tag: string): ZodOpenApiOperationObject {
  const names = [...spec.path.matchAll(/\{(\w+)\}/g)].map((match) => match[1] as string);
  const path = Object.fromEntries(names.map((name) => [name, z.string().describe(PARAMS[name] ?? '')]));
  return {
    operationId: spec.name,
    tags: [tag],
    summary: spec.summary,
    ...(spec.description ? { description: spec.description } : {}),
    security: [{ token: [spec.scope] }],
    'x-required-scope': spec.scope,
    requestParams: {
      ...(names.length > 0 ? { path: z.object(path) } : {}),
      ...(spec.query ? { query: spec.query } : {}),
      ...(spec.key ? { header: keyHeader(spec.key) } : {}),
    },
    ...(spec.body
      ? {
          requestBody: {
            required: !spec.body.safeParse(undefined).success,
            content: { 'application/json': { schema: spec.body } },
          },
        }
      : {}),
    responses: responsesOf(spec),
  };
}

function keyHeader({ required, when }: NonNullable<Endpoint['key']>): z.ZodObject {
  const key = z.string().min(1).max(limits.idempotencyKeyChars);
  const words =
    'The same key with the same request gets the first answer again (then with `Idempotency-Replayed: true`); with ' +
    'another request 409. Only successes are remembered.';
  if (!required) return z.object({ 'Idempotency-Key': key.optional().describe(words) });
  if (!when) return z.object({ 'Idempotency-Key': key.describe(`Required. ${words}`) });
  return z.object({ 'Idempotency-Key': key.optional().describe(`Required ${when}. ${words}`) });
}

/** What every endpoint of its kind can answer with, and what this one adds. */
function problemsOf(spec: Endpoint): string[] {
  const hasParams = spec.path.includes('{');
  const reads = spec.method === 'get';
  return [
    'unauthenticated',
    'forbidden',
    ...(hasParams ? ['not-found'] : []),
    ...(reads ? [] : ['malformed-json', 'body-too-large', 'unsupported-media-type']),
    ...(spec.query || !reads ? ['invalid-request'] : []),
    ...(spec.key?.required ? ['idempotency-key-required'] : []),
    ...(spec.key ? ['idempotency-conflict'] : []),
    ...(spec.problems ?? []),
    'internal-error',
    'unavailable',
  ].filter((code, i, all) => all.indexOf(code) === i);
}

function responsesOf(spec: Endpoint): ZodOpenApiResponsesObject {
  const responses: ZodOpenApiResponsesObject = {
    [`${spec.status}`]: {
      description: spec.status === 201 ? 'Created' : 'OK',
      content: {
        'application/json': { schema: spec.answer },
        ...(spec.csv ? { 'text/csv': { schema: z.string().describe(spec.csv) } } : {}),
      },
      ...(spec.key
        ? {
            headers: z.object({
              'Idempotency-Replayed': z
                .literal('true')
                .optional()
                .describe('This is the first answer again; nothing was done.'),
            }),
          }
        : {}),
    },
  };
  if (spec.sometimes200) {
    responses['200'] = {
      description: spec.sometimes200,
      content: { 'application/json': { schema: spec.answer } },
    };
  }
  const byStatus = new Map<number, string[]>();
  for (const code of problemsOf(spec)) {
    const type = problemNamed(code);
    assert(type, `${spec.name} names the problem ${code}, which platform/problem.ts does not know`);
    byStatus.set(type.status, [...(byStatus.get(type.status) ?? []), code]);
  }
  for (const [status, codes] of [...byStatus].sort(([a], [b]) => a - b)) {
    responses[`${status}` as '400'] = {
      description: codes.join(', '),
      content: { 'application/problem+json': { schema: problem } },
    };
  }
  return responses;
}
