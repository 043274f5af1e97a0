/**
 * The one error that is an answer: a rule says no. `code` names the rule (each domain lists its codes beside its
 * types), `facts` carry what the asker needs to go on. Anything else that is thrown is a defect or an outage.
 */
export class Refusal extends Error {
  constructor(
    readonly code: string,
    readonly detail: string,
    readonly facts: Record<string, unknown> = {},
  ) {
    super(`${code}: ${detail}`);
    this.name = 'Refusal';
  }
}

/** Use where the code itself is wrong if the condition does not hold. */
export function assert(condition: unknown, message: string): asserts condition {
  if (!condition) throw new Error(`assertion failed: ${message}`);
}
