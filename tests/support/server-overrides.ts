import { webhooksOnly } from '../../src/gateways/woocommerce/gateway';
import { type Job, jobs } from '../../src/jobs';

/*
 * Loaded before src/main.ts by a test that needs more of a server than its settings; says so by variables of its own.
 */

/** Reading this order from the shop ends the process, as a defect in native code or a lack of memory does. */
const poison = Number(process.env.ZETON_TEST_POISON);
const { readOrder } = webhooksOnly;
webhooksOnly.readOrder = (shop, wooId) => {
  if (wooId === poison) process.kill(process.pid, 'SIGKILL');
  return readOrder(shop, wooId);
};

/** A job of every second that writes down which slot it ran. */
if (process.env.ZETON_TEST_TICKS) {
  const tick: Omit<Job, 'name'> & { name: string } = {
    name: 'tick',
    every: { cron: '* * * * * *' },
    async run({ db }) {
      const { slot } = (await db('job_slots').where({ job: 'tick' }).first('slot')) as { slot: string };
      await db('ticks').insert({ slot, pid: process.pid });
      return 0;
    },
  };
  (jobs as Job[]).push(tick as Job);
}
