import type { Context } from './context';

/** Work off mails that came in. */
export function receiveMails(_ctx: Context, _batch: { limit: number }): Promise<number> {
  return Promise.resolve(0);
}
