import type { Actor } from '../../platform/actor';
import { limits } from '../../platform/limits';
import { Refusal } from '../../platform/refusal';

const RESOURCES = [
  'packages',
  'orders',
  'customers',
  'credits',
  'tickets',
  'messages',
  'video',
  'stores',
  'deliveries',
] as const;

export type Scope = `${(typeof RESOURCES)[number]}:${'read' | 'write'}` | 'sandbox:read' | 'metrics:read';

/** DESIGN §6 "Scopes of tokens". */
export const SCOPES: readonly Scope[] = [
  ...RESOURCES.flatMap((resource): Scope[] => [`${resource}:read`, `${resource}:write`]),
  'sandbox:read',
  'metrics:read',
];

/** Whoever stands behind a bearer token. */
export interface Principal {
  /** Of the token, or 'environment'. */
  id: string;
  name: string;
  scopes: ReadonlySet<Scope> | 'all';
  /** null: every store. */
  storeIds: readonly string[] | null;
}

/** BOOTSTRAP_API_TOKEN, as it is listed and audited. */
export const ENVIRONMENT_TOKEN: Principal = {
  id: 'environment',
  name: 'environment',
  scopes: 'all',
  storeIds: null,
};

export function actorOf(principal: Principal): Actor {
  return { kind: 'token', id: principal.id, name: principal.name };
}

/** Who may write a resource may read it: an answer to a write shows what was written. */
export function mayDo(principal: Principal, scope: Scope): boolean {
  if (principal.scopes === 'all' || principal.scopes.has(scope)) return true;
  return scope.endsWith(':read') && principal.scopes.has(scope.replace(/:read$/, ':write') as Scope);
}

/** Errors: invalid-request {errors} */
export function checkToken(input: { name: string; scopes: string[] | 'all'; storeIds: string[] | null }): {
  name: string;
  scopes: Scope[] | 'all';
} {
  const errors: { path: string; message: string }[] = [];
  const name = input.name.trim();
  if (name === '' || name.length > limits.nameChars) {
    errors.push({ path: 'name', message: `must have 1 to ${limits.nameChars} characters` });
  }
  const scopes = input.scopes === 'all' ? 'all' : [...new Set(input.scopes)];
  if (scopes !== 'all') {
    if (scopes.length === 0) errors.push({ path: 'scopes', message: 'must be at least one, or all' });
    for (const scope of scopes) {
      if (!SCOPES.some((known) => known === scope))
        errors.push({ path: 'scopes', message: `must not hold "${scope}", which is no scope` });
    }
  }
  if (input.storeIds?.length === 0)
    errors.push({ path: 'stores', message: 'must be at least one, or left out for all' });
  if (errors.length > 0) throw new Refusal('invalid-request', 'The token is not valid.', { errors });
  return { name, scopes: scopes as Scope[] | 'all' };
}
