import type { Random } from './random';

/** What exists in the database that is being fuzzed, by kind; newest last, and not more than a few hundred. */
export type Kind =
  | 'customer'
  | 'ticket'
  | 'message'
  | 'order'
  | 'package'
  | 'delivery'
  | 'video-session'
  | 'sandbox-message'
  | 'cursor'
  | 'ticket-number';

const KEPT = 300;
const NOBODY = '0193e3a0-0000-7000-8000-000000000000';

export class Pools {
  private readonly known = new Map<Kind, string[]>();

  add(kind: Kind, value: string): void {
    const values = this.known.get(kind) ?? [];
    this.known.set(kind, values);
    if (values.includes(value)) return;
    values.push(value);
    if (values.length > KEPT) values.shift();
  }

  any(kind: Kind, random: Random): string {
    const values = this.known.get(kind) ?? [];
    return values.length > 0 ? random.pick(values) : NOBODY;
  }

  /** Which kind an id is of. */
  kindOf(value: string): Kind | null {
    for (const [kind, values] of this.known) if (values.includes(value)) return kind;
    return null;
  }

  newest(kind: Kind): string {
    return this.known.get(kind)?.at(-1) ?? NOBODY;
  }
}

const BY_MEMBER: Record<string, Kind> = {
  customer_id: 'customer',
  ticket_id: 'ticket',
  follow_up_of: 'ticket',
  order_id: 'order',
};

/** The kind of an id by the member that holds it. */
export function kindOfMember(name: string): Kind | null {
  return BY_MEMBER[name] ?? null;
}

const BY_PATH: Record<string, Kind> = {
  customers: 'customer',
  tickets: 'ticket',
  messages: 'message',
  orders: 'order',
  packages: 'package',
  deliveries: 'delivery',
  'video-sessions': 'video-session',
};

/** The kind of `{id}` in a path like /api/v1/tickets/{id}/messages. */
export function kindOfPath(path: string): Kind | null {
  const [, collection = ''] = /\/([\w-]+)\/\{id\}/.exec(path) ?? [];
  return BY_PATH[collection] ?? null;
}
