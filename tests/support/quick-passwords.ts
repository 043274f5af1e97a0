import { limits } from '../../src/platform/limits';

/** The cost of a service, for whoever looks at it. */
export const SERVICE_COST = limits.scryptLog2N;

/** Guesses are dear on purpose, and tests sign in a thousand times. Servers of their own process are left as they are. */
(limits as { scryptLog2N: number }).scryptLog2N = 10;
