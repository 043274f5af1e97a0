import { createPrivateKey, randomBytes } from 'node:crypto';
import { statSync } from 'node:fs';
import { isIP } from 'node:net';
import { resolve } from 'node:path';
import { type MailboxAddress, readMailboxUrl } from './platform/mailbox-url';
import { readOrMakeKeyFile } from './platform/secrets';

/** Every setting, read once at start. DESIGN §6 "Environment"; README.md explains them to people. */
export interface Config {
  /** 0: any free port. */
  port: number;
  host: string;
  /** Base of every link, without a final slash; null: http://localhost:PORT, once the port is known. */
  publicUrl: string | null;
  databaseUrl: string;
  secretKey: string;
  /** The first owner. */
  bootstrap: { email: string; password: string } | null;
  /** An API token with all scopes for as long as the variable is set. */
  environmentToken: string | null;
  /** The store `default`; a null leaves what the database has. */
  woocommerce: {
    url: string | null;
    consumerKey: string | null;
    consumerSecret: string | null;
    webhookSecret: string | null;
  };
  mail: {
    smtpUrl: string | null;
    from: string | null;
    /** IMAP_URL. */
    mailbox: MailboxAddress | null;
    inboundToken: string | null;
    inboundSmtpPort: number | null;
    /** Signs what goes out by SMTP (RFC 6376). */
    dkim: { domain: string; selector: string; privateKey: string } | null;
  };
  twilio: {
    accountSid: string | null;
    authToken: string | null;
    from: string | null;
    messagingServiceSid: string | null;
    apiBaseUrl: string | null;
  };
  video: { provider: 'builtin' | { jitsiUrl: string }; iceServers: IceServer[] };
  logLevel: LogLevel;
  /** In the words of express: none, so many proxies in front of us, or their addresses. */
  trustProxy: false | number | string[];
  /** Variables that are set and right, but whose part of Zeton is not built yet: said once at start. */
  withoutEffect: string[];
}

export interface IceServer {
  urls: string[];
  username?: string;
  credential?: string;
}

const LOG_LEVELS = ['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent'] as const;
export type LogLevel = (typeof LOG_LEVELS)[number];

/** One line for the person who starts Zeton: which variable, what is wrong, what is expected. Never a secret's value. */
export class ConfigError extends Error {
  override name = 'ConfigError';
}

type Environment = Record<string, string | undefined>;

const NOT_BUILT_YET = ['VIDEO_PROVIDER', 'ICE_SERVERS'];

/**
 * Reads and checks every variable; an empty one counts as not set (compose files pass those).
 * Errors: ConfigError. Makes the key file beside a SQLite database, where there is none, only after all else is right.
 */
export function readConfig(env: Environment): Config {
  const read = new Reader(env);
  const port = read.wholeNumber('PORT', 0, 65_535) ?? 3000;
  const databaseUrl = read.databaseUrl('DATABASE_URL') ?? 'sqlite:./data/zeton.sqlite';
  const secretKey = read.secret('SECRET_KEY', 32);
  if (!secretKey && !databaseUrl.startsWith('sqlite:')) {
    throw read.wrong('SECRET_KEY', 'is not set', 'at least 32 random characters, the same for every process');
  }
  const config: Config = {
    port,
    host: read.host('HOST') ?? '127.0.0.1',
    publicUrl: read.webUrl('PUBLIC_URL') ?? (port ? `http://localhost:${port}` : null),
    databaseUrl,
    secretKey: '',
    bootstrap: readBootstrap(read),
    environmentToken: read.secret('BOOTSTRAP_API_TOKEN', 24),
    woocommerce: readWooCommerce(read),
    mail: {
      smtpUrl: readSmtpUrl(read),
      from: read.mailbox('MAIL_FROM'),
      mailbox: readMailbox(read),
      inboundToken: read.secret('INBOUND_MAIL_TOKEN', 24),
      inboundSmtpPort: read.wholeNumber('INBOUND_SMTP_PORT', 0, 65_535),
      dkim: readDkim(read),
    },
    twilio: readTwilio(read),
    video: { provider: readVideoProvider(read), iceServers: readIceServers(read) },
    logLevel: read.oneOf('LOG_LEVEL', LOG_LEVELS) ?? 'info',
    trustProxy: readTrustProxy(read),
    withoutEffect: NOT_BUILT_YET.filter((name) => read.text(name) && !isDefault(name, read.text(name))),
  };
  config.secretKey = secretKey ?? keyBeside(databaseUrl, read);
  return config;
}

function isDefault(name: string, value: string | null): boolean {
  return name === 'VIDEO_PROVIDER' && value === 'builtin';
}

function keyBeside(databaseUrl: string, read: Reader): string {
  const file = databaseUrl.slice('sqlite:'.length);
  if (file === ':memory:') return randomBytes(32).toString('base64url'); // lives as long as what it seals
  const path = `${file}.key`;
  let key: string;
  try {
    key = readOrMakeKeyFile(path);
  } catch (error) {
    const reason = (error as NodeJS.ErrnoException).code ?? 'error';
    throw read.wrong(
      'SECRET_KEY',
      `is not set, and ${path} cannot be read or made (${reason})`,
      'a key, or a folder that can be written',
    );
  }
  if (key.length < 32) {
    throw read.wrong(
      'SECRET_KEY',
      `is not set, and ${path} holds only ${key.length} characters`,
      'the key file that was made with the database, at least 32 characters',
    );
  }
  return key;
}

function readSmtpUrl(read: Reader): string | null {
  const value = read.serverUrl('SMTP_URL', ['smtp', 'smtps']);
  const { pathname, search, hash } = new URL(value ?? 'smtp://none');
  // Other mail libraries take options here that switch certificate checks off. Ignored, they would only puzzle.
  if (/^\/?$/.test(pathname) && /^(\?ignoreTLS=(true|false))?$/.test(search) && hash === '') return value;
  throw read.wrong(
    'SMTP_URL',
    'has something after the port',
    'smtps://user:password@host:port, with ?ignoreTLS=true at its end for a server without encryption',
  );
}

const DKIM_KEY = 'an RSA private key of at least 1024 bits in PEM, its line ends also as "\\n"';

function readDkim(read: Reader): Config['mail']['dkim'] {
  const host =
    /^(?=.{1,253}$)([a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?\.)*[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?$/i;
  const selector = read.matching(
    'DKIM_SELECTOR',
    host,
    'what stands before "._domainkey" in the DNS, like zeton1',
  );
  const key = read.secret('DKIM_PRIVATE_KEY', 1)?.replaceAll('\\n', '\n').trim() ?? null;
  const domain = read.matching('DKIM_DOMAIN', host, 'the domain of MAIL_FROM, like shop.example.com');
  read.together('DKIM_SELECTOR', 'DKIM_PRIVATE_KEY');
  const from = read.mailbox('MAIL_FROM');
  if (selector === null || key === null) {
    if (domain !== null) throw read.wrong('DKIM_SELECTOR', 'is not set, but DKIM_DOMAIN is', 'both or none');
    return null;
  }
  if (!isRsaKey(key)) throw read.wrong('DKIM_PRIVATE_KEY', 'cannot be used', DKIM_KEY);
  const ofSender = /@([^@>\s]+)>?$/.exec(from ?? '')?.[1];
  if (domain === null && ofSender === undefined) {
    throw read.wrong('DKIM_DOMAIN', 'is not set, and MAIL_FROM neither', 'the domain whose DNS has the key');
  }
  return { domain: domain ?? (ofSender as string), selector, privateKey: key };
}

/** Nothing of it in an error: what is almost a key is almost a secret. */
function isRsaKey(pem: string): boolean {
  try {
    const { asymmetricKeyType, asymmetricKeyDetails } = createPrivateKey(pem);
    return asymmetricKeyType === 'rsa' && (asymmetricKeyDetails?.modulusLength ?? 0) >= 1024;
  } catch {
    return false;
  }
}

function readMailbox(read: Reader): Config['mail']['mailbox'] {
  const value = read.serverUrl('IMAP_URL', ['imap', 'imaps']);
  if (value === null) return null;
  const mailbox = readMailboxUrl(value);
  if (!('wrong' in mailbox)) return mailbox;
  throw read.wrong(
    'IMAP_URL',
    mailbox.wrong,
    'imaps://user:password@host:port/INBOX?processed=FOLDER; several folders divided by commas',
  );
}

function readBootstrap(read: Reader): Config['bootstrap'] {
  const email = read.address('BOOTSTRAP_EMAIL');
  const password = read.secret('BOOTSTRAP_PASSWORD', 8);
  read.together('BOOTSTRAP_EMAIL', 'BOOTSTRAP_PASSWORD');
  return email && password ? { email, password } : null;
}

function readWooCommerce(read: Reader): Config['woocommerce'] {
  const shop = {
    url: read.webUrl('WOOCOMMERCE_URL'),
    consumerKey: read.secret('WOOCOMMERCE_CONSUMER_KEY', 1),
    consumerSecret: read.secret('WOOCOMMERCE_CONSUMER_SECRET', 1),
    webhookSecret: read.secret('WOOCOMMERCE_WEBHOOK_SECRET', 1),
  };
  if (shop.consumerKey?.startsWith('cs_')) {
    throw read.wrong(
      'WOOCOMMERCE_CONSUMER_KEY',
      'starts with "cs_" as consumer secrets do',
      'the consumer key, "ck_…"',
    );
  }
  if (shop.consumerSecret?.startsWith('ck_')) {
    throw read.wrong(
      'WOOCOMMERCE_CONSUMER_SECRET',
      'starts with "ck_" as consumer keys do',
      'the consumer secret, "cs_…"',
    );
  }
  read.together('WOOCOMMERCE_CONSUMER_KEY', 'WOOCOMMERCE_CONSUMER_SECRET');
  if (shop.consumerKey && !shop.url) {
    throw read.wrong(
      'WOOCOMMERCE_URL',
      'is not set, but WOOCOMMERCE_CONSUMER_KEY is',
      'the address of the shop',
    );
  }
  return shop;
}

function readTwilio(read: Reader): Config['twilio'] {
  const twilio = {
    accountSid: read.matching(
      'TWILIO_ACCOUNT_SID',
      /^(AC\w{2,}|sandbox)$/,
      '"AC…", as the Twilio console shows it, or "sandbox"',
    ),
    authToken: read.secret('TWILIO_AUTH_TOKEN', 1),
    from: read.matching(
      'TWILIO_FROM',
      // A number, a short code, or a name as sender.
      /^(\+[1-9]\d{6,14}|\d{3,8}|(?=.*[A-Za-z])[A-Za-z0-9 &_+-]{1,11})$/,
      'a number like +38641555100, a short code, or a sender name of up to 11 characters',
    ),
    messagingServiceSid: read.matching(
      'TWILIO_MESSAGING_SERVICE_SID',
      /^MG\w{2,}$/,
      '"MG…", as the Twilio console shows it',
    ),
    apiBaseUrl: read.webUrl('TWILIO_API_BASE_URL'),
  };
  read.together('TWILIO_ACCOUNT_SID', 'TWILIO_AUTH_TOKEN');
  // What is signed with the token comes in, and nothing goes out: to try it all without an account.
  if (twilio.accountSid === 'sandbox') return { ...twilio, accountSid: null };
  if (twilio.from && twilio.messagingServiceSid) {
    throw read.wrong('TWILIO_FROM', 'is set, and TWILIO_MESSAGING_SERVICE_SID too', 'only one of them');
  }
  if (twilio.accountSid && !twilio.from && !twilio.messagingServiceSid) {
    throw read.wrong(
      'TWILIO_FROM',
      'is not set, but TWILIO_ACCOUNT_SID is',
      'the sender, or TWILIO_MESSAGING_SERVICE_SID instead',
    );
  }
  return twilio;
}

function readVideoProvider(read: Reader): Config['video']['provider'] {
  const value = read.text('VIDEO_PROVIDER');
  if (!value || value === 'builtin') return 'builtin';
  if (!/^https?:/.test(value)) {
    throw read.wrong(
      'VIDEO_PROVIDER',
      `is ${shown(value)}`,
      'builtin, or the address of a Jitsi server (https://…)',
    );
  }
  return { jitsiUrl: read.webUrl('VIDEO_PROVIDER') as string };
}

/** Either a list of addresses divided by commas, or JSON as a browser takes it (with username and credential). */
function readIceServers(read: Reader): IceServer[] {
  const text = read.text('ICE_SERVERS');
  if (!text) return [];
  const wrong = () =>
    read.wrong(
      'ICE_SERVERS',
      'cannot be understood',
      'stun:host:port,turn:host:port or JSON like [{"urls":"turn:host","username":"…","credential":"…"}]',
    );
  const isIceUrl = (url: unknown): url is string =>
    typeof url === 'string' && /^(stuns?|turns?):[^\s,/]+$/i.test(url);
  let servers: IceServer[];
  if (text.startsWith('[')) {
    let list: unknown;
    try {
      list = JSON.parse(text);
    } catch {
      throw wrong();
    }
    servers = (list as unknown[]).map((entry) => {
      const { urls, username, credential } = (entry ?? {}) as Record<string, unknown>;
      for (const word of [username, credential]) {
        if (word !== undefined && typeof word !== 'string') throw wrong();
      }
      return {
        urls: (Array.isArray(urls) ? urls : [urls]) as string[],
        ...(username === undefined ? {} : { username: username as string }),
        ...(credential === undefined ? {} : { credential: credential as string }),
      };
    });
  } else {
    servers = text.split(',').map((url) => ({ urls: [url.trim()] }));
  }
  if (!servers.every((server) => server.urls.length > 0 && server.urls.every(isIceUrl))) throw wrong();
  return servers;
}

function readTrustProxy(read: Reader): Config['trustProxy'] {
  const value = read.text('TRUST_PROXY');
  if (!value || value === 'false') return false;
  // Express takes true for "believe whatever the client says its address is". Meant is nearly always: one proxy.
  if (value === 'true') return 1;
  if (/^\d{1,2}$/.test(value)) return Number(value) || false;
  const names = new Set(['loopback', 'linklocal', 'uniquelocal']);
  const parts = value.split(',').map((part) => part.trim());
  if (parts.every((part) => names.has(part) || isSubnet(part))) return parts;
  throw read.wrong(
    'TRUST_PROXY',
    `is ${shown(value)}`,
    'the number of proxies in front of Zeton (1), or their addresses (10.0.0.0/8, loopback)',
  );
}

function isSubnet(text: string): boolean {
  const [address = '', bits, ...rest] = text.split('/');
  const version = isIP(address);
  if (!version || rest.length > 0) return false;
  return bits === undefined || (/^\d{1,3}$/.test(bits) && Number(bits) <= (version === 4 ? 32 : 128));
}

function shown(value: string): string {
  return JSON.stringify(value.length > 60 ? `${value.slice(0, 60)}…` : value);
}

const EMAIL = /^[^\s@<>,;:"()]+@[^\s@<>,;:"()]+\.[^\s@<>,;:"().]+$|^[^\s@<>,;:"()]+@localhost$/;

class Reader {
  constructor(private readonly env: Environment) {}

  wrong(name: string, problem: string, expected: string): ConfigError {
    return new ConfigError(`${name} ${problem}; expected: ${expected}`);
  }

  text(name: string): string | null {
    return this.env[name]?.trim() || null;
  }

  /** Taken as it is, spaces included. */
  secret(name: string, minimumCharacters: number): string | null {
    const value = this.env[name];
    if (!value?.trim()) return null;
    if (value.length < minimumCharacters) {
      throw this.wrong(name, `has only ${value.length} characters`, `at least ${minimumCharacters}`);
    }
    return value;
  }

  wholeNumber(name: string, least: number, most: number): number | null {
    const value = this.text(name);
    if (value === null) return null;
    const number = Number(value);
    if (!/^\d{1,9}$/.test(value) || number < least || number > most) {
      throw this.wrong(name, `is ${shown(value)}`, `a whole number from ${least} to ${most}`);
    }
    return number;
  }

  oneOf<T extends string>(name: string, choices: readonly T[]): T | null {
    const value = this.text(name);
    if (value === null) return null;
    const choice = choices.find((known) => known === value.toLowerCase());
    if (!choice) throw this.wrong(name, `is ${shown(value)}`, choices.join(', '));
    return choice;
  }

  matching(name: string, pattern: RegExp, expected: string): string | null {
    const value = this.text(name);
    if (value !== null && !pattern.test(value)) throw this.wrong(name, 'has not the right form', expected);
    return value;
  }

  host(name: string): string | null {
    const value = this.text(name);
    if (value === null || isIP(value) || /^[a-z0-9]([a-z0-9.-]*[a-z0-9])?$/i.test(value)) return value;
    throw this.wrong(
      name,
      `is ${shown(value)}`,
      'an address or name of this machine, like 127.0.0.1 or 0.0.0.0',
    );
  }

  /** Without the final slash. Not shown when wrong: people put passwords into addresses. */
  webUrl(name: string): string | null {
    const value = this.text(name);
    if (value === null) return null;
    const expected = 'an address like https://shop.example.com, without user name, "?" and "#"';
    const url = URL.canParse(value) ? new URL(value) : null;
    if (!url?.hostname || !/^https?:$/.test(url.protocol))
      throw this.wrong(name, 'is not a web address', expected);
    if (url.username || url.password) throw this.wrong(name, 'holds a user name or password', expected);
    if (/[?#]/.test(value)) throw this.wrong(name, 'holds a "?" or "#"', expected);
    return url.href.replace(/\/+$/, '');
  }

  serverUrl(name: string, schemes: string[]): string | null {
    const value = this.text(name);
    if (value === null) return null;
    const url = URL.canParse(value) ? new URL(value) : null;
    if (!url?.hostname || !schemes.includes(url.protocol.slice(0, -1))) {
      throw this.wrong(
        name,
        'is not the address of such a server',
        `${schemes[1]}://user:password@host:port`,
      );
    }
    return value;
  }

  databaseUrl(name: string): string | null {
    const value = this.text(name);
    if (value === null) return null;
    const expected = 'sqlite:./data/zeton.sqlite or postgres://user:password@host:5432/database';
    if (value.startsWith('sqlite:')) {
      const file = value.slice('sqlite:'.length);
      if (!file) throw this.wrong(name, 'names no file', expected);
      if (file.endsWith('/') || isFolder(file))
        throw this.wrong(name, 'names a folder, not a file', expected);
      return value;
    }
    if (!/^postgres(ql)?:/.test(value)) {
      throw this.wrong(name, 'is neither SQLite nor PostgreSQL', expected);
    }
    const url = URL.canParse(value) ? new URL(value) : null;
    if (!url?.hostname && !url?.searchParams.get('host')) throw this.wrong(name, 'names no host', expected);
    if (url.pathname.length < 2) throw this.wrong(name, 'names no database', expected);
    return value;
  }

  address(name: string): string | null {
    const value = this.text(name);
    if (value !== null && !EMAIL.test(value))
      throw this.wrong(name, 'is not an e-mail address', 'like owner@example.com');
    return value;
  }

  mailbox(name: string): string | null {
    const value = this.text(name);
    if (value === null) return null;
    const inBrackets = /^[^<>\r\n]*<([^<>]+)>$/.exec(value)?.[1];
    if (!EMAIL.test(inBrackets ?? value)) {
      throw this.wrong(name, 'is not an e-mail address', 'help@example.com or Help desk <help@example.com>');
    }
    return value;
  }

  together(one: string, other: string): void {
    for (const [given, missing] of [
      [one, other],
      [other, one],
    ] as const) {
      if (this.text(given) && !this.text(missing)) {
        throw this.wrong(missing, `is not set, but ${given} is`, 'both or none');
      }
    }
  }
}

function isFolder(path: string): boolean {
  try {
    return statSync(resolve(path)).isDirectory();
  } catch {
    return false; // nothing there yet, or not to be seen: opening it will tell
  }
}
