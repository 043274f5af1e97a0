import { limits } from '../../src/platform/limits';
import { FASTER } from './pace';

/**
 * Run before src/main.ts in the servers that are tortured, which are otherwise what `npm start` runs.
 *
 * A row that a killed worker had is taken over when its lease is over, after a minute: nobody waits for that a hundred
 * times. So every time between Zeton and the outside is divided by one number. Their proportions, on which safety rests
 * (a call to a provider ends before the lease does), stay as they are. What a database or a client is waited for stays
 * too, as do the two times to connect, which the time of the whole call bounds.
 */
const AS_THEY_ARE =
  /^(database|sqlite|statement|idleIn|request|answer|ready|shutdown|workerStall|clocksApart|tokenLastUsed|retryAfterSeconds|smtpConnect|smsConnect)/;

const times = limits as Record<string, number>;
for (const [name, value] of Object.entries(limits)) {
  if (AS_THEY_ARE.test(name)) continue;
  if (name.endsWith('Ms')) times[name] = Math.ceil(value / FASTER);
  if (name.endsWith('Seconds')) times[name] = value / FASTER;
}

// Whoever tortures was killed: nothing stays behind.
const parent = process.ppid;
setInterval(() => {
  if (process.ppid !== parent) process.exit(1);
}, 500).unref();
