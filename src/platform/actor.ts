/** Who did it, for ledger entries, ticket events and the audit log. */
export interface Actor {
  kind: 'token' | 'staff' | 'customer' | 'store' | 'system';
  id: string;
  name: string;
}

export const systemActor: Actor = { kind: 'system', id: 'system', name: 'Zeton' };
