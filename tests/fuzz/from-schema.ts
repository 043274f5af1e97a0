import { kindOfMember, type Pools } from './pools';
import type { Random } from './random';

export interface JsonSchema {
  $ref?: string;
  type?: string | string[];
  enum?: unknown[];
  const?: unknown;
  anyOf?: JsonSchema[];
  oneOf?: JsonSchema[];
  allOf?: JsonSchema[];
  properties?: Record<string, JsonSchema>;
  required?: string[];
  items?: JsonSchema;
  additionalProperties?: JsonSchema | boolean;
  minimum?: number;
  maximum?: number;
  minLength?: number;
  maxLength?: number;
  format?: string;
  example?: unknown;
}

export interface OpenApi {
  paths: Record<string, Record<string, Operation>>;
  components: { schemas: Record<string, JsonSchema>; parameters?: Record<string, Parameter> };
}

export interface Parameter {
  $ref?: string;
  name: string;
  in: 'path' | 'query' | 'header';
  schema?: JsonSchema;
}

export interface Operation {
  operationId: string;
  parameters?: Parameter[];
  requestBody?: { content: Record<string, { schema: JsonSchema }> };
}

/** A value that the schema allows, and that mostly means something to this server. */
export function valueFor(
  random: Random,
  doc: OpenApi,
  schema: JsonSchema,
  name: string,
  pools: Pools,
): unknown {
  const again = (inner: JsonSchema) => valueFor(random, doc, inner, name, pools);
  if (schema.$ref) return again(doc.components.schemas[schema.$ref.split('/').at(-1) ?? ''] ?? {});
  const choices = schema.anyOf ?? schema.oneOf;
  if (choices) return again(random.pick(choices));
  if (schema.allOf) return Object.assign({}, ...schema.allOf.map((part) => again(part) as object));
  if (schema.const !== undefined) return schema.const;
  if (schema.enum) return random.pick(schema.enum);
  const type = Array.isArray(schema.type) ? random.pick(schema.type) : schema.type;
  switch (type) {
    case 'object':
      return objectFor(random, doc, schema, pools);
    case 'array':
      return Array.from({ length: random.below(4) }, () => again(schema.items ?? {}));
    case 'integer':
    case 'number':
      return numberFor(random, schema, name);
    case 'boolean':
      return random.chance(0.5);
    case 'null':
      return null;
    default:
      return textFor(random, schema, name, pools);
  }
}

function objectFor(random: Random, doc: OpenApi, schema: JsonSchema, pools: Pools): Record<string, unknown> {
  const required = new Set(schema.required ?? []);
  const members = Object.entries(schema.properties ?? {})
    .filter(([name]) => required.has(name) || random.chance(0.4))
    // Random letters are hardly ever base64, and would refuse everything else.
    .filter(([name]) => name !== 'attachments' || random.chance(0.05))
    .map(([name, inner]) => [name, valueFor(random, doc, inner, name, pools)] as const);
  return Object.fromEntries(members);
}

function numberFor(random: Random, { minimum = 0, maximum = 1000 }: JsonSchema, name: string): number {
  // A version that fits is rare enough; most replies leave it out.
  if (name === 'version') return 1 + random.below(3);
  const high = Math.min(maximum, minimum + 20);
  return random.chance(0.1) ? random.pick([minimum, maximum]) : minimum + random.below(high - minimum + 1);
}

const WORDS = ['Tiskalnik ne tiska', 'Pokličite me, prosim', 'Printer', 'a', 'Καλημέρα', 'sl'];

function textFor(random: Random, schema: JsonSchema, name: string, pools: Pools): string {
  const kind = kindOfMember(name);
  if (kind) return pools.any(kind, random);
  if (name === 'store') return random.chance(0.95) ? 'default' : 'nobody';
  if (name === 'slug') return `s${random.below(1e6)}`;
  if (name === 'sku') return random.pick(['SUP-START', 'SUP-PRO', `SKU-${random.below(1e6)}`]);
  if (name === 'country') return random.pick(['SI', 'HR', 'GR']);
  if (name === 'locale') return random.pick(['sl', 'hr', 'en', 'el']);
  if (name === 'time_zone') return random.pick(['Europe/Ljubljana', 'UTC']);
  if (name === 'url') return random.pick(['https://shop.example.com', 'http://127.0.0.1:9']);
  if (name === 'event_id') return `event-${random.below(1e9)}`;
  if (name === 'cursor' || name === 'before') return pools.any('cursor', random);
  if (name === 'number' || name === 'order_number') return String(random.below(200));
  if (name === 'woo_id') return String(1 + random.below(200));
  if (name === 'limit') return String(1 + random.below(200));
  if (typeof schema.example === 'string' && random.chance(0.5)) return schema.example;
  return random.pick(WORDS).slice(0, schema.maxLength ?? 1000);
}
