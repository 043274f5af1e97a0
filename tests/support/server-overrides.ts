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

/** A job of every second; which slots it took stands in the log, at level debug. */
if (process.env.ZETON_TEST_TICKS) {
  const tick: Omit<Job, 'name'> & { name: string } = {
    name: 'tick',
    every: { cron: '* * * * * *' },
    run: () => Promise.resolve(0),
  };
  (jobs as Job[]).push(tick as Job);
}
