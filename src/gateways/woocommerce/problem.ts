/**
 * Why a shop could not be asked.
 * unreachable      nobody answers at the address
 * timed-out        no answer in time
 * certificate      not one that this machine trusts {reason}
 * redirected       the shop is elsewhere {to}
 * not-woocommerce  a web page, or nothing at all, where the REST interface should be
 * no-woocommerce   WordPress, but no WooCommerce
 * blocked          refused by something in front of the shop {status}
 * wrong-keys · read-only-key · not-allowed · clock-differs {minutes?}
 * too-many-requests · shop-error {status} · broken-answer · answer-too-large · shop-too-busy
 * refused          WooCommerce says no to this request {code, status} · coupon-exists · not-found
 */
export type WooProblemCode =
  | 'unreachable'
  | 'timed-out'
  | 'certificate'
  | 'redirected'
  | 'not-woocommerce'
  | 'no-woocommerce'
  | 'blocked'
  | 'wrong-keys'
  | 'read-only-key'
  | 'not-allowed'
  | 'clock-differs'
  | 'too-many-requests'
  | 'shop-error'
  | 'broken-answer'
  | 'answer-too-large'
  | 'shop-too-busy'
  | 'refused'
  | 'coupon-exists'
  | 'not-found';

const PASSING: WooProblemCode[] = [
  'unreachable',
  'timed-out',
  'too-many-requests',
  'shop-error',
  'broken-answer',
  'shop-too-busy',
];

/**
 * What went wrong between Zeton and a shop, in words that its admin understands. Holds nothing of the request: its
 * address and headers carry the keys.
 */
export class WooProblem extends Error {
  /** Of a write: it may have been done all the same. */
  readonly maybeDone: boolean;
  /** The shop asked for this pause. */
  readonly retryAfterMs: number | null;

  constructor(
    readonly code: WooProblemCode,
    message: string,
    readonly facts: Record<string, string | number> = {},
    more: { maybeDone?: boolean; retryAfterMs?: number | null } = {},
  ) {
    super(message);
    this.name = 'WooProblem';
    this.maybeDone = more.maybeDone ?? false;
    this.retryAfterMs = more.retryAfterMs ?? null;
  }

  /** Goes away by itself; the others wait for a person. */
  get passes(): boolean {
    return PASSING.includes(this.code);
  }
}

interface NetworkError {
  code?: unknown;
  message?: unknown;
}

const NOT_CONNECTED = ['ECONNREFUSED', 'ENOTFOUND', 'EAI_AGAIN', 'EHOSTUNREACH', 'ENETUNREACH'];
const CERTIFICATE: Record<string, string> = {
  DEPTH_ZERO_SELF_SIGNED_CERT: 'it is self-signed',
  SELF_SIGNED_CERT_IN_CHAIN: 'it is self-signed',
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: 'its issuer is not known, or the shop does not send the whole chain',
  UNABLE_TO_GET_ISSUER_CERT: 'its issuer is not known',
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: 'its issuer is not known',
  CERT_HAS_EXPIRED: 'it has expired',
  ERR_TLS_CERT_ALTNAME_INVALID: 'it is for another address',
};

/** No answer at all. The error itself is left behind: it carries the request, and with it the keys. */
export function problemOfNetwork(error: NetworkError): WooProblem {
  const code = typeof error.code === 'string' ? error.code : '';
  const reason = CERTIFICATE[code];
  if (reason !== undefined) {
    return new WooProblem(
      'certificate',
      `The shop's certificate cannot be trusted: ${reason}. If it is meant to be so, start Zeton with NODE_EXTRA_CA_CERTS=/path/to/the/certificate.pem.`,
      { reason },
    );
  }
  if (code === 'EPROTO' || code.startsWith('ERR_SSL')) {
    return new WooProblem(
      'certificate',
      'The shop does not speak https at this address. Is it an http:// shop?',
      { reason: 'no https' },
    );
  }
  if (typeof error.message === 'string' && /maxContentLength/.test(error.message)) {
    return new WooProblem('answer-too-large', 'The shop answered with more than Zeton reads at once.');
  }
  if (NOT_CONNECTED.includes(code)) {
    return new WooProblem('unreachable', `Nobody answers at the shop's address (${code}).`, { reason: code });
  }
  if (['ECONNABORTED', 'ETIMEDOUT', 'ERR_CANCELED'].includes(code)) {
    return new WooProblem('timed-out', 'The shop did not answer in time.', {}, { maybeDone: true });
  }
  const known = /^[A-Z_]{3,40}$/.test(code) ? code : 'connection lost';
  return new WooProblem(
    'unreachable',
    `The connection to the shop was cut (${known}).`,
    { reason: known },
    { maybeDone: true },
  );
}

export interface RawAnswer {
  status: number;
  headers: Record<string, string | undefined>;
  body: string;
}

/** What WooCommerce, or something in front of it, refused; null where it did not. */
export function problemOfAnswer(answer: RawAnswer, base: string, now: Date): WooProblem | null {
  const { status } = answer;
  if (status >= 300 && status < 400) return redirected(answer, base);
  const said = errorIn(answer.body);
  if (status === 429) {
    const text = 'The shop, or what protects it, wants fewer requests.';
    return new WooProblem('too-many-requests', text, {}, { retryAfterMs: retryAfterMs(answer, now) });
  }
  if (status >= 500) {
    // "data": 500 under a code of its own is how WooCommerce refuses a refund; a crash has no such code.
    if (said && !/^(internal_server_error|wp_die|rest_)/.test(said.code)) return refused(said, status);
    return new WooProblem(
      'shop-error',
      `The shop has an error of its own (${status}).`,
      { status },
      { maybeDone: status !== 503, retryAfterMs: retryAfterMs(answer, now) },
    );
  }
  if (status >= 200 && status < 300) return null;
  if (!said) {
    if (status === 404) return notWooCommerce();
    const text = `Something in front of the shop refused the request (${status}): a firewall or security plugin?`;
    return new WooProblem('blocked', text, { status });
  }
  if (status === 401 || status === 403) return notLetIn(said, status, answer, now);
  if (said.code === 'rest_no_route') {
    return new WooProblem(
      'no-woocommerce',
      'WordPress answers, but WooCommerce does not: is the plugin active?',
    );
  }
  if (said.code === 'woocommerce_rest_coupon_code_already_exists') {
    return new WooProblem('coupon-exists', 'The shop already has a coupon with this code.');
  }
  if (status === 404) return new WooProblem('not-found', 'The shop has no such thing.', { code: said.code });
  return refused(said, status);
}

export function notWooCommerce(): WooProblem {
  return new WooProblem(
    'not-woocommerce',
    'This address answers with a web page, not with WooCommerce. Is it the address of the shop, and are its permalinks on (WordPress, Settings, Permalinks: anything but "Plain")?',
  );
}

/** Only where it leads: the rest of the address may echo how the request was signed. */
function redirected(answer: RawAnswer, base: string): WooProblem {
  const location = answer.headers.location ?? '';
  const target = URL.canParse(location, base) ? new URL(location, base) : null;
  const to = target
    ? `${target.origin}${target.pathname.replace(/\/wp-json\/.*$/, '')}`.replace(/\/+$/, '')
    : '';
  const isHttps = base.startsWith('http:') && target?.protocol === 'https:';
  const why = isHttps ? 'The shop wants https' : 'The shop is at another address';
  return new WooProblem('redirected', `${why}: connect it as ${to || 'the address your browser ends at'}.`, {
    to,
  });
}

function notLetIn(said: Said, status: number, answer: RawAnswer, now: Date): WooProblem {
  if (/write permissions/.test(said.message)) {
    return new WooProblem('read-only-key', 'The key is read-only: make one with Read/Write permissions.');
  }
  if (/read permissions/.test(said.message)) {
    return new WooProblem(
      'not-allowed',
      'The key may write but not read: make one with Read/Write permissions.',
    );
  }
  if (/timestamp/i.test(said.message)) {
    const skew = clockSkewSeconds(answer, now);
    const minutes = skew === null ? null : Math.round(Math.abs(skew) / 60);
    return clockDiffers(minutes);
  }
  if (said.code === 'woocommerce_rest_authentication_error') {
    return new WooProblem(
      'wrong-keys',
      'The shop does not know these keys. Copy both again, from the first to the last letter.',
    );
  }
  if (status === 401) {
    return new WooProblem(
      'wrong-keys',
      'The shop does not know these keys, or its web server drops the Authorization header.',
    );
  }
  return new WooProblem(
    'not-allowed',
    'The owner of the key may not do this in the shop: use a key of a shop manager.',
    {
      code: said.code,
    },
  );
}

export function clockDiffers(minutes: number | null): WooProblem {
  const by = minutes === null ? 'too much' : `by ${minutes} ${minutes === 1 ? 'minute' : 'minutes'}`;
  return new WooProblem(
    'clock-differs',
    `The clock of the shop and the clock of this machine differ ${by}.`,
    minutes === null ? {} : { minutes },
  );
}

/** By how much the shop is ahead of us; to the second, as HTTP tells it. */
export function clockSkewSeconds(answer: Pick<RawAnswer, 'headers'>, now: Date): number | null {
  const told = Date.parse(answer.headers.date ?? '');
  return Number.isNaN(told) ? null : Math.round((told - now.getTime()) / 1000);
}

function refused(said: Said, status: number): WooProblem {
  return new WooProblem('refused', `WooCommerce refused: ${said.message} (${said.code})`, {
    code: said.code,
    status,
  });
}

interface Said {
  code: string;
  message: string;
}

function errorIn(body: string): Said | null {
  try {
    const { code, message } = JSON.parse(body) as Record<string, unknown>;
    if (typeof code !== 'string') return null;
    return { code: code.slice(0, 100), message: typeof message === 'string' ? message.slice(0, 200) : '' };
  } catch {
    return null;
  }
}

/** Seconds, or a date. */
function retryAfterMs(answer: RawAnswer, now: Date): number | null {
  const text = answer.headers['retry-after'];
  if (text === undefined) return null;
  if (/^\d+$/.test(text)) return Number(text) * 1000;
  const at = Date.parse(text);
  return Number.isNaN(at) ? null : Math.max(0, at - now.getTime());
}
