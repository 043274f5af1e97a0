import { generateKeyPairSync } from 'node:crypto';
import { existsSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ConfigError, readConfig } from '../src/config';

const KEY = 'k'.repeat(32);
const RSA_KEY = generateKeyPairSync('rsa', { modulusLength: 1024 })
  .privateKey.export({ type: 'pkcs8', format: 'pem' })
  .toString();
const ED25519_KEY = generateKeyPairSync('ed25519')
  .privateKey.export({ type: 'pkcs8', format: 'pem' })
  .toString();
const DKIM = {
  MAIL_FROM: 'Help <help@shop.example.com>',
  DKIM_SELECTOR: 's1',
  DKIM_PRIVATE_KEY: RSA_KEY,
};
const read = (env: Record<string, string>) => readConfig({ SECRET_KEY: KEY, ...env });

function errorOf(env: Record<string, string>): string {
  try {
    readConfig(env);
  } catch (error) {
    expect(error).toBeInstanceOf(ConfigError);
    return (error as Error).message;
  }
  throw new Error('no error');
}

describe('the configuration', () => {
  it('has a default for everything', () => {
    expect(read({})).toEqual({
      port: 3000,
      host: '127.0.0.1',
      publicUrl: 'http://localhost:3000',
      databaseUrl: 'sqlite:./data/zeton.sqlite',
      secretKey: KEY,
      bootstrap: null,
      environmentToken: null,
      woocommerce: { url: null, consumerKey: null, consumerSecret: null, webhookSecret: null },
      mail: {
        smtpUrl: null,
        from: null,
        mailbox: null,
        inboundToken: null,
        inboundSmtpPort: null,
        dkim: null,
      },
      twilio: { accountSid: null, authToken: null, from: null, messagingServiceSid: null, apiBaseUrl: null },
      video: { provider: 'builtin', iceServers: [] },
      logLevel: 'info',
      trustProxy: false,
      withoutEffect: [],
    });
  });

  it('takes every variable', () => {
    const config = read({
      PORT: '8080',
      HOST: '0.0.0.0',
      PUBLIC_URL: 'https://help.example.com/desk/',
      DATABASE_URL: 'postgres://zeton:pw@db:5432/zeton',
      BOOTSTRAP_EMAIL: 'owner@example.com',
      BOOTSTRAP_PASSWORD: 'a long password',
      BOOTSTRAP_API_TOKEN: 't'.repeat(24),
      WOOCOMMERCE_URL: 'https://shop.example.com/',
      WOOCOMMERCE_CONSUMER_KEY: 'ck_1',
      WOOCOMMERCE_CONSUMER_SECRET: 'cs_1',
      WOOCOMMERCE_WEBHOOK_SECRET: ' with spaces ',
      SMTP_URL: 'smtps://user:pw@mail.example.com:465',
      MAIL_FROM: 'Help desk <help@example.com>',
      IMAP_URL: 'imaps://user:pw@mail.example.com',
      INBOUND_MAIL_TOKEN: 'm'.repeat(24),
      INBOUND_SMTP_PORT: '2525',
      TWILIO_ACCOUNT_SID: 'AC00000000000000000000000000000000',
      TWILIO_AUTH_TOKEN: 'auth',
      TWILIO_FROM: '+38641555100',
      TWILIO_API_BASE_URL: 'http://127.0.0.1:4010',
      VIDEO_PROVIDER: 'https://meet.example.com',
      ICE_SERVERS: '[{"urls":["turn:turn.example.com:3478"],"username":"u","credential":"c"}]',
      LOG_LEVEL: 'DEBUG',
      TRUST_PROXY: 'loopback, 10.0.0.0/8',
    });
    expect(config).toMatchObject({
      port: 8080,
      host: '0.0.0.0',
      publicUrl: 'https://help.example.com/desk',
      bootstrap: { email: 'owner@example.com', password: 'a long password' },
      environmentToken: 't'.repeat(24),
      woocommerce: {
        url: 'https://shop.example.com',
        consumerKey: 'ck_1',
        consumerSecret: 'cs_1',
        webhookSecret: ' with spaces ',
      },
      mail: { from: 'Help desk <help@example.com>', inboundSmtpPort: 2525 },
      twilio: { from: '+38641555100', apiBaseUrl: 'http://127.0.0.1:4010' },
      video: {
        provider: { jitsiUrl: 'https://meet.example.com' },
        iceServers: [{ urls: ['turn:turn.example.com:3478'], username: 'u', credential: 'c' }],
      },
      logLevel: 'debug',
      trustProxy: ['loopback', '10.0.0.0/8'],
    });
    expect(config.withoutEffect).not.toContain('IMAP_URL');
    expect(config.mail.mailbox).toMatchObject({ host: 'mail.example.com', port: 993, folders: ['INBOX'] });
    expect(config.withoutEffect).not.toContain('SMTP_URL');
    expect(config.withoutEffect).not.toContain('WOOCOMMERCE_WEBHOOK_SECRET');
  });

  it('takes signed SMS without an account, and sends none', () => {
    const { twilio } = readConfig({ TWILIO_ACCOUNT_SID: 'sandbox', TWILIO_AUTH_TOKEN: 'auth' });
    expect(twilio).toMatchObject({ accountSid: null, authToken: 'auth' });
  });

  it('counts an empty variable as not set', () => {
    expect(read({ PORT: '', SMTP_URL: ' ', BOOTSTRAP_API_TOKEN: '', VIDEO_PROVIDER: 'builtin' })).toEqual(
      read({}),
    );
  });

  it.each([
    ['1', 1],
    ['true', 1],
    ['false', false],
    ['0', false],
    ['10.1.2.3,fd00::/8', ['10.1.2.3', 'fd00::/8']],
  ])('takes TRUST_PROXY=%s', (value, expected) => {
    expect(read({ TRUST_PROXY: value }).trustProxy).toEqual(expected);
  });

  it('takes addresses as ICE_SERVERS', () => {
    expect(
      read({ ICE_SERVERS: 'stun:stun.example.com, turn:t.example.com:3478?transport=udp' }).video.iceServers,
    ).toEqual([{ urls: ['stun:stun.example.com'] }, { urls: ['turn:t.example.com:3478?transport=udp'] }]);
  });

  it('takes a key for DKIM in one line as well, and the domain of the sender', () => {
    const dkim = { domain: 'shop.example.com', selector: 's1', privateKey: RSA_KEY.trim() };
    expect(read(DKIM).mail.dkim).toEqual(dkim);
    expect(read({ ...DKIM, DKIM_PRIVATE_KEY: RSA_KEY.replaceAll('\n', '\\n') }).mail.dkim).toEqual(dkim);
    expect(read({ ...DKIM, DKIM_DOMAIN: 'example.com' }).mail.dkim).toEqual({
      ...dkim,
      domain: 'example.com',
    });
  });

  it('leaves the public address open until a free port is known', () => {
    expect(read({ PORT: '0' }).publicUrl).toBeNull();
    expect(read({ PORT: '0', PUBLIC_URL: 'https://x.example' }).publicUrl).toBe('https://x.example');
  });

  it.each<[string, Record<string, string>]>([
    ['PORT', { PORT: '80a' }],
    ['PORT', { PORT: '65536' }],
    ['PORT', { PORT: '-1' }],
    ['PORT', { PORT: '1e3' }],
    ['HOST', { HOST: 'http://localhost' }],
    ['PUBLIC_URL', { PUBLIC_URL: 'help.example.com' }],
    ['PUBLIC_URL', { PUBLIC_URL: 'ftp://help.example.com' }],
    ['PUBLIC_URL', { PUBLIC_URL: 'https://user:hunter22@help.example.com' }],
    ['PUBLIC_URL', { PUBLIC_URL: 'https://help.example.com/?a=hunter22' }],
    ['DATABASE_URL', { DATABASE_URL: 'mysql://root:hunter22@localhost/zeton' }],
    ['DATABASE_URL', { DATABASE_URL: 'sqlite:' }],
    ['DATABASE_URL', { DATABASE_URL: 'sqlite:/tmp' }],
    ['DATABASE_URL', { DATABASE_URL: 'postgres://user:hunter22@localhost' }],
    ['DATABASE_URL', { DATABASE_URL: 'postgres:hunter22' }],
    ['SECRET_KEY', { SECRET_KEY: 'hunter22' }],
    ['SECRET_KEY', { SECRET_KEY: '', DATABASE_URL: 'postgres://localhost/zeton' }],
    ['BOOTSTRAP_EMAIL', { BOOTSTRAP_EMAIL: 'owner', BOOTSTRAP_PASSWORD: 'hunter22' }],
    ['BOOTSTRAP_EMAIL', { BOOTSTRAP_PASSWORD: 'hunter22' }],
    ['BOOTSTRAP_PASSWORD', { BOOTSTRAP_EMAIL: 'owner@example.com' }],
    ['BOOTSTRAP_PASSWORD', { BOOTSTRAP_EMAIL: 'owner@example.com', BOOTSTRAP_PASSWORD: 'hunter2' }],
    ['BOOTSTRAP_API_TOKEN', { BOOTSTRAP_API_TOKEN: 'hunter22' }],
    ['WOOCOMMERCE_URL', { WOOCOMMERCE_URL: 'shop' }],
    [
      'WOOCOMMERCE_URL',
      { WOOCOMMERCE_CONSUMER_KEY: 'ck_hunter22', WOOCOMMERCE_CONSUMER_SECRET: 'cs_hunter22' },
    ],
    [
      'WOOCOMMERCE_CONSUMER_SECRET',
      { WOOCOMMERCE_URL: 'https://s.example', WOOCOMMERCE_CONSUMER_KEY: 'ck_hunter22' },
    ],
    [
      'WOOCOMMERCE_CONSUMER_KEY',
      { WOOCOMMERCE_URL: 'https://s.example', WOOCOMMERCE_CONSUMER_SECRET: 'cs_hunter22' },
    ],
    [
      'WOOCOMMERCE_CONSUMER_KEY',
      { WOOCOMMERCE_CONSUMER_KEY: 'cs_hunter22', WOOCOMMERCE_CONSUMER_SECRET: 'ck_hunter22' },
    ],
    ['SMTP_URL', { SMTP_URL: 'http://user:hunter22@mail.example.com' }],
    ['SMTP_URL', { SMTP_URL: 'smtp://user:hunter22@mail.example.com?tls.rejectUnauthorized=false' }],
    ['MAIL_FROM', { MAIL_FROM: 'Help desk' }],
    ['MAIL_FROM', { MAIL_FROM: 'Help <a@example.com>\r\nBcc: <b@example.com>' }],
    ['IMAP_URL', { IMAP_URL: 'mail.example.com' }],
    ['INBOUND_MAIL_TOKEN', { INBOUND_MAIL_TOKEN: 'hunter22' }],
    ['INBOUND_SMTP_PORT', { INBOUND_SMTP_PORT: 'smtp' }],
    ['DKIM_PRIVATE_KEY', { MAIL_FROM: 'a@example.com', DKIM_SELECTOR: 's1' }],
    ['DKIM_SELECTOR', { MAIL_FROM: 'a@example.com', DKIM_PRIVATE_KEY: RSA_KEY }],
    ['DKIM_SELECTOR', { DKIM_DOMAIN: 'example.com' }],
    ['DKIM_SELECTOR', { MAIL_FROM: 'a@example.com', DKIM_SELECTOR: 's 1', DKIM_PRIVATE_KEY: RSA_KEY }],
    ['DKIM_DOMAIN', { DKIM_SELECTOR: 's1', DKIM_PRIVATE_KEY: RSA_KEY }],
    ['DKIM_DOMAIN', { DKIM_SELECTOR: 's1', DKIM_PRIVATE_KEY: RSA_KEY, DKIM_DOMAIN: 'a@example.com' }],
    ['DKIM_PRIVATE_KEY', { ...DKIM, DKIM_PRIVATE_KEY: 'hunter22' }],
    [
      'DKIM_PRIVATE_KEY',
      { ...DKIM, DKIM_PRIVATE_KEY: RSA_KEY.replace(/\n.{20}/, '\nhunter2hunter2hunter2') },
    ],
    ['DKIM_PRIVATE_KEY', { ...DKIM, DKIM_PRIVATE_KEY: ED25519_KEY }],
    ['TWILIO_ACCOUNT_SID', { TWILIO_ACCOUNT_SID: 'SK123' }],
    ['TWILIO_AUTH_TOKEN', { TWILIO_ACCOUNT_SID: 'sandbox' }],
    ['TWILIO_AUTH_TOKEN', { TWILIO_ACCOUNT_SID: 'AC123', TWILIO_FROM: '+38641555100' }],
    ['TWILIO_FROM', { TWILIO_ACCOUNT_SID: 'AC123', TWILIO_AUTH_TOKEN: 'hunter22' }],
    ['TWILIO_FROM', { TWILIO_FROM: 'a sender name that is too long' }],
    ['TWILIO_FROM', { TWILIO_FROM: '+38641555100', TWILIO_MESSAGING_SERVICE_SID: 'MG123' }],
    ['TWILIO_MESSAGING_SERVICE_SID', { TWILIO_MESSAGING_SERVICE_SID: 'AC123' }],
    ['TWILIO_API_BASE_URL', { TWILIO_API_BASE_URL: 'localhost:4010' }],
    ['VIDEO_PROVIDER', { VIDEO_PROVIDER: 'zoom' }],
    ['ICE_SERVERS', { ICE_SERVERS: 'stun.example.com' }],
    ['ICE_SERVERS', { ICE_SERVERS: '[{"urls":"turn:t.example.com","credential":5,"username":"hunter22"}]' }],
    ['ICE_SERVERS', { ICE_SERVERS: '[{"urls":' }],
    ['ICE_SERVERS', { ICE_SERVERS: '[null]' }],
    ['ICE_SERVERS', { ICE_SERVERS: '[{"urls":[]}]' }],
    ['LOG_LEVEL', { LOG_LEVEL: 'loud' }],
    ['TRUST_PROXY', { TRUST_PROXY: 'yes' }],
    ['TRUST_PROXY', { TRUST_PROXY: '10.0.0.0/33' }],
  ])('says in one line what is wrong with %s (%j)', (name, env) => {
    const message = errorOf({ SECRET_KEY: KEY, ...env });
    expect(message.startsWith(`${name} `)).toBe(true);
    expect(message).toMatch(/; expected: ./);
    expect(message).not.toContain('\n');
    expect(message).not.toContain('hunter');
    expect(message).not.toContain('PRIVATE KEY-');
  });
});

describe('the key beside the SQLite file', () => {
  let folder: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'zeton-config-'));
  });
  afterEach(() => rmSync(folder, { recursive: true }));

  it('is made once, for its owner alone', () => {
    const env = { DATABASE_URL: `sqlite:${folder}/data/shop.sqlite` };
    const { secretKey } = readConfig(env);
    expect(secretKey.length).toBeGreaterThanOrEqual(32);
    const file = `${folder}/data/shop.sqlite.key`;
    expect(readFileSync(file, 'utf8').trim()).toBe(secretKey);
    expect(statSync(file).mode & 0o777).toBe(0o600);
    expect(readConfig(env).secretKey).toBe(secretKey);
  });

  it('is not made when SECRET_KEY is set, or anything else is wrong', () => {
    read({ DATABASE_URL: `sqlite:${folder}/shop.sqlite` });
    errorOf({ DATABASE_URL: `sqlite:${folder}/shop.sqlite`, TRUST_PROXY: 'yes' });
    expect(existsSync(`${folder}/shop.sqlite.key`)).toBe(false);
  });

  it('is not accepted when it was cut, or cannot be made', () => {
    writeFileSync(`${folder}/shop.sqlite.key`, 'short');
    const cut = errorOf({ DATABASE_URL: `sqlite:${folder}/shop.sqlite` });
    expect(cut).toMatch(/^SECRET_KEY is not set, and .* holds only 5 characters; expected: /);
    writeFileSync(`${folder}/a-file`, '');
    const unmade = errorOf({ DATABASE_URL: `sqlite:${folder}/a-file/shop.sqlite` });
    expect(unmade).toMatch(/^SECRET_KEY is not set, and .* cannot be read or made \(E\w+\); expected: /);
  });
});
