/**
 * The database is not there or cannot work now, through no fault of what was asked: the same request may succeed later.
 * KnexTimeoutError: no connection came free (of a PostgreSQL that does not answer, too).
 */
export function isOutage(error: unknown): boolean {
  if (!(error instanceof Error)) return false;
  const code = String((error as { code?: unknown }).code ?? '');
  if (error.name === 'KnexTimeoutError' || OUTAGE_CODES.has(code)) return true;
  // Connection failures (08), out of resources (53), operator intervention such as a restart (57P), read-only (25006).
  if (/^(08|53)\w{3}$|^57P\d\d$|^25006$/.test(code)) return true;
  return /^Connection (terminated|ended)|^Unable to acquire a connection|database is shutting down/.test(
    error.message,
  );
}

const OUTAGE_CODES = new Set([
  'ECONNREFUSED',
  'ECONNRESET',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'ENOTFOUND',
  'EAI_AGAIN',
  'EPIPE',
  'ETIMEDOUT',
  'SQLITE_BUSY',
  'SQLITE_CANTOPEN',
  'SQLITE_FULL',
  'SQLITE_IOERR',
  'SQLITE_READONLY',
]);
