import { jsonText, NUMBERS, nastyJson, nastyTextFor, TEXTS } from './nasty';
import type { Random } from './random';

/** A JSON text as a tree that can also hold what JSON.stringify cannot say: 1e400, a key twice, half a surrogate pair. */
type Node =
  | { kind: 'object'; members: [key: string, value: Node][] }
  | { kind: 'array'; items: Node[] }
  | { kind: 'text'; text: string };

function treeOf(value: unknown): Node {
  if (Array.isArray(value)) return { kind: 'array', items: value.map(treeOf) };
  if (typeof value !== 'object' || value === null)
    return { kind: 'text', text: JSON.stringify(value) ?? 'null' };
  return {
    kind: 'object',
    members: Object.entries(value).map(([key, inner]) => [JSON.stringify(key), treeOf(inner)]),
  };
}

function textOf(node: Node): string {
  if (node.kind === 'text') return node.text;
  if (node.kind === 'array') return `[${node.items.map(textOf).join(',')}]`;
  return `{${node.members.map(([key, value]) => `${key}:${textOf(value)}`).join(',')}}`;
}

/** Where a value stands, and what its member is called. */
interface Place {
  name: string;
  node: Node;
  put(node: Node): void;
  remove(): void;
}

function placesIn(root: Node): Place[] {
  const places: Place[] = [];
  const walk = (node: Node, name: string) => {
    if (node.kind === 'array') {
      node.items.forEach((item, index) => {
        places.push({
          name,
          node: item,
          put: (other) => void node.items.splice(index, 1, other),
          remove: () => void node.items.splice(index, 1),
        });
        walk(item, name);
      });
    }
    if (node.kind === 'object') {
      for (const member of node.members) {
        const key = member[0].slice(1, -1);
        places.push({
          name: key,
          node: member[1],
          put: (other) => void member.splice(1, 1, other),
          remove: () => void node.members.splice(node.members.indexOf(member), 1),
        });
        walk(member[1], key);
      }
    }
  };
  walk(root, '');
  return places;
}

/** What Zeton acts on; the other two hundred members of an order are only kept. */
const HOT =
  /^(id|number|status|currency|total|date_\w+_gmt|customer_id|customer_note|email|phone|country|first_name|last_name|company|line_items|quantity|sku|product_id|variation_id|name|refunds|meta_data|billing|code|message|key|value)$/;

/**
 * One to three changes inside a JSON value. `splice`: another value of the corpus, to take parts from.
 * `hot`: mostly where Zeton looks.
 */
export function mutateJson(random: Random, value: unknown, splice?: unknown, hot = false): string {
  const root = treeOf(value);
  const changes = 1 + random.below(3);
  for (let n = 0; n < changes; n++) {
    const places = placesIn(root);
    if (places.length === 0) break;
    const looked = hot && random.chance(0.85) ? places.filter(({ name }) => HOT.test(name)) : places;
    const place = random.pick(looked.length > 0 ? looked : places);
    change(random, root, place, splice);
  }
  if (random.chance(0.01)) return nastyJson(random);
  return textOf(root);
}

function change(random: Random, root: Node, place: Place, splice: unknown): void {
  const text = (json: string): Node => ({ kind: 'text', text: json });
  random.weighted<() => void>([
    [6, () => place.put(text(jsonText(random, nastyTextFor(random, place.name))))],
    [5, () => place.put(text(nastyJson(random)))],
    [3, () => place.put(text(random.pick(NUMBERS)))],
    [3, () => place.put(otherType(place.node))],
    [3, () => place.remove()],
    [1, () => addMember(random, root, place)],
    [1, () => repeatMember(random, root)],
    [
      3,
      () => {
        if (splice === undefined) return place.remove();
        const others = placesIn(treeOf(splice));
        const same = others.filter(({ name }) => name === place.name);
        const from = same.length > 0 && random.chance(0.8) ? same : others;
        if (from.length > 0) place.put(random.pick(from).node);
      },
    ],
    [
      1,
      () => {
        const { node } = place;
        if (node.kind === 'array' && node.items.length > 0) {
          const times = random.pick([2, 20, 500]);
          const first = node.items[0] as Node;
          for (let n = 0; n < times; n++) node.items.push(first);
        } else place.put({ kind: 'array', items: [node, node] });
      },
    ],
  ])();
}

function otherType(node: Node): Node {
  if (node.kind !== 'text') return { kind: 'text', text: JSON.stringify(textOf(node).slice(0, 500)) };
  if (node.text.startsWith('"')) {
    const number = Number(node.text.slice(1, -1));
    return { kind: 'text', text: Number.isFinite(number) ? String(number) : '0' };
  }
  return { kind: 'text', text: `"${node.text}"` };
}

const MEMBERS = [
  '"__proto__"',
  '"constructor"',
  '"toString"',
  '""',
  '"length"',
  '"\\u0000"',
  '"\\ud800"',
  '"extra"',
];

function objectsIn(root: Node): Extract<Node, { kind: 'object' }>[] {
  return [root, ...placesIn(root).map(({ node }) => node)].filter((node) => node.kind === 'object');
}

function addMember(random: Random, root: Node, place: Place): void {
  const objects = [...objectsIn(root), ...(place.node.kind === 'object' ? [place.node] : [])];
  if (objects.length === 0) return;
  random.pick(objects).members.push([random.pick(MEMBERS), { kind: 'text', text: nastyJson(random) }]);
}

function repeatMember(random: Random, root: Node): void {
  const objects = objectsIn(root).filter(({ members }) => members.length > 0);
  if (objects.length === 0) return;
  const { members } = random.pick(objects);
  members.push([random.pick(members)[0], { kind: 'text', text: nastyJson(random) }]);
}

/** Changes that know nothing of the format. */
export function mutateBytes(random: Random, bytes: Buffer, splice?: Buffer): Buffer {
  let now = bytes;
  const changes = 1 + random.below(4);
  for (let n = 0; n < changes; n++) {
    const at = random.below(now.length + 1);
    const cut = (from: number, to: number, between: Buffer) =>
      Buffer.concat([now.subarray(0, from), between, now.subarray(to)]);
    now = random.weighted<() => Buffer>([
      [
        4,
        () => {
          const flipped = Buffer.from(now);
          if (at < flipped.length) flipped[at] = (flipped[at] as number) ^ (1 << random.below(8));
          return flipped;
        },
      ],
      [3, () => cut(at, at, random.bytes(1 + random.below(8)))],
      [3, () => cut(at, Math.min(now.length, at + 1 + random.below(16)), Buffer.alloc(0))],
      [2, () => cut(at, at, Buffer.from(random.pick(TEXTS)))],
      [1, () => cut(at, at, Buffer.from([0xc0, 0x80]))],
      [1, () => cut(at, at, Buffer.from([0xed, 0xa0, 0x80]))],
      [1, () => cut(0, 0, Buffer.from([0xef, 0xbb, 0xbf]))],
      [1, () => now.subarray(0, at)],
      [
        2,
        () =>
          splice
            ? Buffer.concat([now.subarray(0, at), splice.subarray(random.below(splice.length + 1))])
            : now,
      ],
    ])();
  }
  return now;
}
