import { type Html, html } from '../platform/html';
import type { OpenApiDocument } from './openapi';
import { allProblems, type ProblemType, problemNamed } from './problems';

/** The OpenAPI document as a page to read: markup only, nothing that runs, nothing from elsewhere. */

interface Schema {
  $ref?: string;
  type?: string | string[];
  format?: string;
  description?: string;
  enum?: unknown[];
  const?: unknown;
  default?: unknown;
  anyOf?: Schema[];
  oneOf?: Schema[];
  items?: Schema;
  properties?: Record<string, Schema>;
  required?: string[];
  additionalProperties?: Schema | boolean;
  minimum?: number;
  maximum?: number;
  minLength?: number;
  maxLength?: number;
  minItems?: number;
  maxItems?: number;
  pattern?: string;
}

interface Parameter {
  in: string;
  name: string;
  required?: boolean;
  description?: string;
  schema?: Schema;
}

interface Answer {
  description: string;
  content?: Record<string, { schema?: Schema }>;
}

interface Operation {
  operationId: string;
  tags: string[];
  summary: string;
  description?: string;
  'x-required-scope': string;
  parameters?: Parameter[];
  requestBody?: { required?: boolean; content: Record<string, { schema: Schema }> };
  responses: Record<string, Answer>;
}

interface Place {
  method: string;
  path: string;
  operation: Operation;
}

const METHODS = ['get', 'post', 'patch', 'put', 'delete'];

export function docsView(document: OpenApiDocument): Html {
  const places = Object.entries(document.paths ?? {}).flatMap(([path, item]) =>
    METHODS.flatMap((method): Place[] => {
      const operation = (item as Record<string, unknown>)[method] as Operation | undefined;
      return operation ? [{ method, path, operation }] : [];
    }),
  );
  const tags = (document.tags ?? []).map((tag) => ({
    name: tag.name,
    description: tag.description ?? '',
    places: places.filter(({ operation }) => operation.tags.includes(tag.name)),
  }));
  const schemas = Object.entries((document.components?.schemas ?? {}) as Record<string, Schema>);
  return page(
    document.info.title,
    html`<a class="skip" href="#content">Skip to the content</a>
<div class="layout">
<nav aria-label="Contents">
<p class="brand"><a href="#content">${document.info.title}</a></p>
<ul>
<li><a href="#basics">The basics</a></li>
${tags.map(
  (tag) => html`<li><a href="#${anchor(tag.name)}">${tag.name}</a><ul>
${tag.places.map(
  ({
    method,
    path,
    operation,
  }) => html`<li><a href="#${operation.operationId}"><span class="method ${method}">${method}</span> ${short(path)}</a></li>
`,
)}</ul></li>
`,
)}<li><a href="#schemas">Shapes</a></li>
<li><a href="#problems">Problems</a></li>
</ul>
</nav>
<main id="content">
<h1>${document.info.title}</h1>
<p>${marked(document.info.description ?? '')}</p>
<p>The same for programs: <a href="/api/v1/openapi.json">/api/v1/openapi.json</a> (OpenAPI ${document.openapi}).</p>
${basics(document.servers?.[0]?.url ?? '')}
${tags.map(
  (tag) => html`<section class="tag" id="${anchor(tag.name)}" aria-labelledby="${anchor(tag.name)}-title">
<h2 id="${anchor(tag.name)}-title">${tag.name}</h2>
<p>${tag.description}</p>
${tag.places.map((place) => operationView(place, Object.fromEntries(schemas)))}
</section>
`,
)}
<section id="schemas" aria-labelledby="schemas-title">
<h2 id="schemas-title">Shapes</h2>
${schemas.map(
  ([name, schema]) => html`<section class="schema" id="schema-${name}">
<h3>${name}</h3>
${schema.description ? html`<p>${marked(schema.description)}</p>` : null}
<p>${kindOf(schema)}</p>
${membersOf(schema, '').length > 0 ? members(schema) : null}
</section>
`,
)}
</section>
<section id="problems" aria-labelledby="problems-title">
<h2 id="problems-title">Problems</h2>
<p>Errors are <code>application/problem+json</code> (RFC 9457). <code>type</code> and <code>status</code> stay as they
are; <code>title</code> and <code>detail</code> are words for people. Further members are the facts.</p>
${table(
  ['Status', 'Type', 'What it means', 'Facts'],
  allProblems.map((problem) => [
    html`${problem.status}`,
    html`<a href="/problems/${problem.code}"><code>${problem.code}</code></a>`,
    html`<strong>${problem.title}.</strong> ${marked(problem.words)}`,
    codes(problem.facts),
  ]),
)}
</section>
</main>
</div>`,
  );
}

export function problemView(problem: ProblemType): Html {
  return page(
    problem.title,
    html`<main id="content" class="single">
<p><a href="/api/docs#problems">All problems</a></p>
<h1>${problem.title}</h1>
<p><code>/problems/${problem.code}</code> · status ${problem.status}</p>
<p>${marked(problem.words)}</p>
${problem.facts.length > 0 ? html`<p>Facts: ${codes(problem.facts)}</p>` : null}
</main>`,
  );
}

function page(title: string, body: Html): Html {
  return html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>${title}</title>
<link rel="icon" href="data:,">
<link rel="stylesheet" href="/api/docs/style.css">
</head>
<body>
${body}
</body>
</html>
`;
}

function basics(base: string): Html {
  return html`<section id="basics" aria-labelledby="basics-title">
<h2 id="basics-title">The basics</h2>
<pre><code>curl ${base}/api/v1/orders?number=1193 \\
  -H "Authorization: Bearer $TOKEN"</code></pre>
<dl>
<dt>Tokens</dt>
<dd>Each has scopes, as <code>tickets:read</code>; who may write a resource may read it. A token can be limited to some
stores: what belongs to others is not there for it (404). <code>npm run zeton -- token add</code> makes one.</dd>
<dt>Lists</dt>
<dd><code>{data, next_cursor}</code>, newest first unless said otherwise. Send <code>next_cursor</code> as
<code>cursor</code> until it is null.</dd>
<dt>Idempotency-Key</dt>
<dd>Required where something is spent. The same key with the same request gets the first answer again, with the header
<code>Idempotency-Replayed: true</code>; with another request it is a conflict (409). Only successes are remembered, so
after a top-up the same key may succeed. Keys belong to the token.</dd>
<dt>Unknown members</dt>
<dd>In a request they are refused (422), so that a slip of the pen is not silently ignored. In an answer there may be
more of them one day: ignore those you do not know.</dd>
<dt>Webhooks</dt>
<dd>WooCommerce sends to <code>${base}/webhooks/woocommerce/{store}</code>, signed with the webhook secret of the
store.</dd>
</dl>
</section>`;
}

/** A page of a list in one line: {data: list of Order, next_cursor} */
function answerKind(schema: Schema): Html {
  const data = schema.properties?.data;
  return data ? html`<code>{data, next_cursor}</code>, data: ${kindOf(data)}` : kindOf(schema);
}

/** The members of a body stand where it is sent, also of one that has a name. */
function bodyMembers(body: Schema, schemas: Record<string, Schema>): Html | null {
  const named = body.$ref ? schemas[body.$ref.split('/').pop() ?? ''] : body;
  return named && membersOf(named, '').length > 0 ? members(named) : null;
}

function operationView({ method, path, operation }: Place, schemas: Record<string, Schema>): Html {
  const id = operation.operationId;
  const answers = Object.entries(operation.responses);
  const problems = answers.filter(([, answer]) => answer.content?.['application/problem+json']);
  const good = answers.filter(([, answer]) => !answer.content?.['application/problem+json']);
  const body = operation.requestBody?.content['application/json']?.schema;
  return html`<article class="operation" id="${id}" aria-labelledby="${id}-title">
<h3 id="${id}-title"><span class="method ${method}">${method}</span> <code class="path">${path}</code></h3>
<p class="summary">${operation.summary}</p>
${operation.description ? html`<p>${marked(operation.description)}</p>` : null}
<p class="scope">Scope <code>${operation['x-required-scope']}</code></p>
${
  operation.parameters?.length
    ? html`<h4>Parameters</h4>
${table(
  ['Name', 'Where', 'Kind', 'Meaning'],
  operation.parameters.map((parameter) => [
    html`<code>${parameter.name}</code>${parameter.required ? required() : null}`,
    html`${parameter.in}`,
    kindOf(parameter.schema ?? {}),
    marked(parameter.description ?? parameter.schema?.description ?? ''),
  ]),
)}`
    : null
}
${
  body
    ? html`<h4>Body${operation.requestBody?.required ? null : html` <small>(optional)</small>`}</h4>
<p>${kindOf(body)}</p>
${bodyMembers(body, schemas)}`
    : null
}
<h4>Answers</h4>
<ul class="answers">
${good.map(
  ([status, answer]) => html`<li><strong>${status}</strong> ${answer.description}${Object.entries(
    answer.content ?? {},
  ).map(
    ([type, { schema }]) =>
      html`<br><code>${type}</code>: ${type === 'application/json' ? answerKind(schema ?? {}) : marked(schema?.description ?? '')}`,
  )}</li>
`,
)}
${problems.map(
  ([status, answer]) => html`<li><strong>${status}</strong> ${list(
    answer.description
      .split(', ')
      .map(
        (code) => html`<a href="/problems/${code}" title="${problemNamed(code)?.title ?? ''}">${code}</a>`,
      ),
  )}</li>
`,
)}
</ul>
</article>
`;
}

function members(schema: Schema): Html {
  return table(
    ['Member', 'Kind', 'Meaning'],
    membersOf(schema, '').map(({ name, needed, member }) => [
      html`<code>${name}</code>${needed ? required() : null}`,
      kindOf(member),
      html`${marked(member.description ?? '')}${
        member.default === undefined ? null : html` Default: <code>${JSON.stringify(member.default)}</code>.`
      }`,
    ]),
  );
}

interface Member {
  /** From the outside in: grants[].quantity */
  name: string;
  needed: boolean;
  member: Schema;
}

function membersOf(schema: Schema, before: string): Member[] {
  const own = Object.entries(schema.properties ?? {}).flatMap(([name, member]): Member[] => [
    {
      name: before + name, // In answers every member is there: said of each it would be noise. Only requests refuse unknown members.
      needed: schema.additionalProperties === false && (schema.required?.includes(name) ?? false),
      member,
    },
    ...membersOf(member, `${before + name}.`),
  ]);
  const inner = before.replace(/\.$/, '');
  const entries = schema.items ? membersOf(schema.items, `${inner}[].`) : [];
  const choices = (schema.anyOf ?? schema.oneOf ?? []).flatMap((choice) => membersOf(choice, before));
  const values =
    typeof schema.additionalProperties === 'object'
      ? membersOf(schema.additionalProperties, `${inner}.*.`)
      : [];
  return [...own, ...entries, ...choices, ...values];
}

/** What a value may be, in a few words. */
function kindOf(schema: Schema): Html {
  if (schema.$ref) {
    const name = schema.$ref.split('/').pop() ?? '';
    return html`<a href="#schema-${name}">${name}</a>`;
  }
  const choices = schema.anyOf ?? schema.oneOf;
  if (choices) return list(choices.map(kindOf), ' or ');
  if (schema.const !== undefined) return html`<code>${JSON.stringify(schema.const)}</code>`;
  if (schema.enum)
    return list(
      schema.enum.map((value) => html`<code>${String(value)}</code>`),
      ' · ',
    );
  if (Array.isArray(schema.type)) {
    return list(
      schema.type.map((type) => kindOf({ ...schema, type })),
      ' or ',
    );
  }
  switch (schema.type) {
    case 'array':
      return html`list of ${kindOf(schema.items ?? {})}${bounds(schema.minItems, schema.maxItems, ' entries')}`;
    case 'object':
      if (schema.properties) return html`object`;
      return typeof schema.additionalProperties === 'object'
        ? html`object of ${kindOf(schema.additionalProperties)}`
        : html`object`;
    case 'integer':
      return html`whole number${bounds(schema.minimum, schema.maximum, '')}`;
    case 'string':
      return html`${schema.format === 'date-time' ? 'time' : 'text'}${bounds(schema.minLength, schema.maxLength, ' characters')}`;
    case 'boolean':
      return html`true or false`;
    case 'null':
      return html`null`;
    case undefined:
      return html`anything`;
    default:
      return html`${schema.type}`;
  }
}

function bounds(from: number | undefined, to: number | undefined, unit: string): string {
  const max = to !== undefined && Math.abs(to) < Number.MAX_SAFE_INTEGER ? to : undefined;
  const min = from !== undefined && Math.abs(from) < Number.MAX_SAFE_INTEGER ? from : undefined;
  if (min !== undefined && max !== undefined) return `, ${min} to ${max}${unit}`;
  if (max !== undefined) return `, at most ${max}${unit}`;
  return min !== undefined ? `, at least ${min}${unit}` : '';
}

function required(): Html {
  return html` <small class="required">required</small>`;
}

function table(head: string[], rows: Html[][]): Html {
  return html`<table>
<thead><tr>${head.map((cell) => html`<th scope="col">${cell}</th>`)}</tr></thead>
<tbody>
${rows.map(
  (
    row,
  ) => html`<tr>${row.map((cell) => (cell.text === '' ? html`<td class="none"></td>` : html`<td>${cell}</td>`))}</tr>
`,
)}</tbody>
</table>`;
}

function list(parts: Html[], between = ', '): Html {
  return html`${parts.map((part, i) => (i === 0 ? part : html`${between}${part}`))}`;
}

function codes(names: string[]): Html {
  return list(names.map((name) => html`<code>${name}</code>`));
}

/** Words with `code` in them. */
function marked(text: string): Html {
  return html`${text.split('`').map((part, i) => (i % 2 === 0 ? part : html`<code>${part}</code>`))}`;
}

function anchor(name: string): string {
  return name.toLowerCase().replace(/[^a-z0-9]+/g, '-');
}

function short(path: string): string {
  return path.replace(/^\/api\/v1/, '');
}
