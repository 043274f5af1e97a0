import { z } from 'zod';
import type { WooClient, WooSettings } from './client';
import type { ConnectionCheck, ConnectionReport } from './gateway';
import { clockDiffers, clockSkewSeconds, WooProblem } from './problem';

const index = z.looseObject({
  name: z.string().nullish(),
  home: z.string().nullish(),
  timezone_string: z.string().nullish(),
  namespaces: z.array(z.string()),
});
const status = z.looseObject({
  environment: z.looseObject({ version: z.string().nullish(), wp_version: z.string().nullish() }).nullish(),
  settings: z.looseObject({ currency: z.string().nullish(), HPOS_enabled: z.boolean().nullish() }).nullish(),
});

/** What an admin wants to know before trusting a connection; changes nothing in the shop. */
export async function checkConnection(client: WooClient, settings: WooSettings): Promise<ConnectionReport> {
  const checks: ConnectionCheck[] = [];
  const shop: ConnectionReport['shop'] = {
    name: null,
    home: null,
    timeZone: null,
    currency: null,
    version: null,
  };
  const add = (check: Partial<ConnectionCheck> & Pick<ConnectionCheck, 'name' | 'state'>) =>
    checks.push({ value: null, problem: null, ...check });
  /** False: it failed, and is on the list. */
  const attempt = async (
    name: ConnectionCheck['name'],
    act: () => Promise<string | null>,
  ): Promise<boolean> => {
    try {
      add({ name, state: 'ok', value: await act() });
      return true;
    } catch (error) {
      if (!(error instanceof WooProblem)) throw error;
      add({ name, state: 'failed', problem: error });
      return false;
    }
  };
  const rest = (...names: ConnectionCheck['name'][]) => {
    for (const name of names) add({ name, state: 'unknown' });
    return { ok: checks.every(({ state }) => state !== 'failed'), checks, shop };
  };

  let skew: number | null = null;
  const reached = await attempt('reachable', async () => {
    const { data, headers } = await client.index({ _fields: 'name,home,timezone_string,namespaces' });
    const found = index.safeParse(data);
    if (!found.success)
      throw new WooProblem('broken-answer', 'The shop answered with something that is not WordPress.');
    if (!found.data.namespaces.includes('wc/v3')) {
      throw new WooProblem(
        'no-woocommerce',
        'WordPress answers, but WooCommerce does not: is the plugin active?',
      );
    }
    skew = clockSkewSeconds({ headers }, settings.clock.now());
    shop.name = found.data.name ?? null;
    shop.home = found.data.home ?? null;
    shop.timeZone = found.data.timezone_string || null;
    return shop.home;
  });
  if (!reached) return rest('keys', 'write', 'version', 'hpos', 'currency', 'clock');

  const keysWork = await attempt('keys', async () => {
    await client.get('orders', { per_page: 1, _fields: 'id' });
    return null;
  });
  if (!keysWork) {
    const told = rest('write', 'version', 'hpos', 'currency');
    addClock(checks, skew, settings);
    return { ...told, ok: false };
  }

  await attempt('write', async () => {
    await probeWriting(client);
    return null;
  });
  const seen = await readStatus(client);
  shop.version = seen?.environment?.version ?? null;
  shop.currency = seen?.settings?.currency ?? null;
  const hpos = seen?.settings?.HPOS_enabled ?? null;
  add({ name: 'version', state: shop.version ? 'ok' : 'unknown', value: shop.version });
  add({
    name: 'hpos',
    state: hpos === null ? 'unknown' : hpos ? 'ok' : 'warning',
    value: hpos === null ? null : String(hpos),
  });
  add({ name: 'currency', state: shop.currency ? 'ok' : 'unknown', value: shop.currency });
  addClock(checks, skew, settings);
  return rest();
}

/** A webhook without an address can never be made: it is refused for that, unless the key may not write at all. */
async function probeWriting(client: WooClient): Promise<void> {
  try {
    await client.create('webhooks', { topic: 'order.updated' });
  } catch (error) {
    const isExpected =
      error instanceof WooProblem &&
      error.code === 'refused' &&
      error.facts.code === 'rest_missing_callback_param';
    if (!isExpected) throw error;
  }
}

/** Only shop managers see it; without it the connection works all the same. */
async function readStatus(client: WooClient): Promise<z.infer<typeof status> | null> {
  try {
    const { data } = await client.get('system_status', { _fields: 'environment,settings' }, true);
    return status.safeParse(data).data ?? null;
  } catch (error) {
    if (error instanceof WooProblem) return null;
    throw error;
  }
}

function addClock(checks: ConnectionCheck[], skew: number | null, settings: WooSettings): void {
  if (skew === null) {
    checks.push({ name: 'clock', state: 'unknown', value: null, problem: null });
    return;
  }
  const isOff = Math.abs(skew) > settings.limits.wooClockSeconds;
  const problem = isOff ? clockDiffers(Math.round(Math.abs(skew) / 60)) : null;
  checks.push({ name: 'clock', state: isOff ? 'warning' : 'ok', value: String(skew), problem });
}
