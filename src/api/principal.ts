import type { Request } from 'express';
import { mayDo, type Principal, type Scope } from '../domain/access';
import { Refusal } from '../platform/refusal';
import { authenticateToken, bearerTokenOf } from '../usecases/authenticate-token';
import type { Context } from '../usecases/context';

/** Who asks, by the bearer token. */
export async function principalOf(
  ctx: Context,
  environmentToken: string | null,
  req: Request,
): Promise<Principal> {
  const token = bearerTokenOf(req.headers.authorization);
  if (token === null) {
    throw new Refusal('unauthenticated', 'Send an API token: Authorization: Bearer TOKEN.');
  }
  const principal = await authenticateToken(ctx, environmentToken, token);
  if (!principal) throw new Refusal('unauthenticated', 'This token is not known, or was revoked.');
  return principal;
}

export function requireScope(principal: Principal, scope: Scope): void {
  if (mayDo(principal, scope)) return;
  throw new Refusal('forbidden', `This token has no scope ${scope}.`, { required_scope: scope });
}

/** A token that is limited to stores takes what belongs to other stores for not being there. */
export function seesStore(principal: Principal, storeId: string): boolean {
  return principal.storeIds === null || principal.storeIds.includes(storeId);
}

/** For what belongs to no single store. */
export function requireEveryStore(principal: Principal, why: string): void {
  if (principal.storeIds === null) return;
  throw new Refusal('forbidden', `This token is limited to some stores; ${why}.`);
}

export function notFound(what: string): Refusal {
  return new Refusal('not-found', `There is no such ${what}.`);
}
