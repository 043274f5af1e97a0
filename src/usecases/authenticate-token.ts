import { actorOf, authenticate, ENVIRONMENT_TOKEN, type Principal } from '../domain/access';
import { recordAudit } from '../domain/audit';
import { iso } from '../platform/clock';
import { type Context, momentOf } from './context';

/** Processes (contexts) in which the environment's token was used, and that was written down. */
const noted = new WeakSet<Context>();

/**
 * Who is behind a bearer token; null: nobody. The first use of BOOTSTRAP_API_TOKEN after a start is audited: it has
 * all scopes and no record of its own.
 * Source: DESIGN §6 "Environment"
 */
export async function authenticateToken(
  ctx: Context,
  environmentToken: string | null,
  bearerToken: string,
): Promise<Principal | null> {
  const principal = await authenticate(ctx.db, bearerToken, environmentToken, iso(ctx.clock.now()));
  if (principal === ENVIRONMENT_TOKEN && !noted.has(ctx)) {
    noted.add(ctx);
    try {
      await recordAudit(ctx.db, momentOf(ctx, actorOf(principal)), {
        action: 'environment-token.used',
        subject: { kind: 'token', id: principal.id },
      });
    } catch (error) {
      noted.delete(ctx);
      throw error;
    }
  }
  return principal;
}

/** The token of `Authorization: Bearer …`; null: there is none. */
export function bearerTokenOf(authorization: string | undefined): string | null {
  return /^Bearer +(\S+)$/i.exec(authorization ?? '')?.[1] ?? null;
}
