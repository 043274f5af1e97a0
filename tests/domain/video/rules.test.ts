import fc from 'fast-check';
import {
  afterEnd,
  afterEvent,
  afterStart,
  areBothHere,
  instantFor,
  isGivenUp,
  isUsedUp,
  meteredMsAt,
  nextCheckAfter,
  outcomeOf,
  type Participant,
  unitsCharged,
  unitsWanted,
  type VideoEventType,
  type VideoSession,
  wholeSeconds,
} from '../../../src/domain/video/rules';

const START = Date.parse('2026-11-02T09:00:00.000Z');
const MINUTE = 60_000;

/** The instant so many seconds after the session was opened. */
const at = (seconds: number) => new Date(START + Math.round(seconds * 1000)).toISOString();
const min = (minutes: number, seconds = 0) => minutes * 60 + seconds;

const opened: VideoSession = {
  id: 'session',
  ticketId: 'ticket',
  customerId: 'customer',
  state: 'waiting',
  agentState: 'absent',
  customerState: 'absent',
  agentJoinedAt: null,
  customerJoinedAt: null,
  blockMinutes: null,
  holdIds: [],
  outOfCredit: false,
  connectedMs: 0,
  connectedSince: null,
  lastEventAt: null,
  nextCheckAt: null,
  reason: null,
  createdByName: 'Bob',
  createdAt: at(0),
  startedAt: null,
  endedAt: null,
  updatedAt: at(0),
};

type Step = [seconds: number, participant: Participant, type: VideoEventType];

/** Plays events against the rules; the first credit is there as soon as both are. */
function play(steps: Step[], blockMinutes: number | null = null): VideoSession {
  let session = opened;
  for (const [seconds, participant, type] of steps) {
    session = afterEvent(session, { participant, type }, at(seconds));
    if (session.state === 'waiting' && areBothHere(session)) {
      session = afterStart(session, { id: 'hold-1', blockMinutes }, at(seconds));
    }
  }
  return session;
}

/** Both connected since second 0. */
function connected(blockMinutes: number | null, blocks = 1): VideoSession {
  const both: Step[] = [
    [0, 'agent', 'connected'],
    [0, 'customer', 'connected'],
  ];
  const holdIds = Array.from({ length: blocks }, (_, index) => `hold-${index + 1}`);
  return { ...play(both, blockMinutes), holdIds };
}

describe('who is there', () => {
  it.each<[string, Step[], string, string]>([
    ['joined', [[1, 'agent', 'joined']], 'joined', 'absent'],
    ['connected without joined', [[1, 'agent', 'connected']], 'connected', 'absent'],
    [
      'a joined that comes after connected',
      [
        [1, 'customer', 'connected'],
        [2, 'customer', 'joined'],
      ],
      'absent',
      'connected',
    ],
    ['left when absent', [[1, 'customer', 'left']], 'absent', 'absent'],
    [
      'left',
      [
        [1, 'agent', 'connected'],
        [2, 'agent', 'left'],
      ],
      'absent',
      'absent',
    ],
    [
      'joined again after left: to be connected again',
      [
        [1, 'agent', 'connected'],
        [2, 'agent', 'left'],
        [3, 'agent', 'joined'],
      ],
      'joined',
      'absent',
    ],
  ])('%s', (_, steps, agent, customer) => {
    const session = play(steps);
    expect([session.agentState, session.customerState]).toEqual([agent, customer]);
  });

  it('starts when both are there at the same time, and not when they miss each other', () => {
    const missed = play([
      [1, 'agent', 'joined'],
      [2, 'agent', 'left'],
      [3, 'customer', 'joined'],
    ]);
    expect(missed.state).toBe('waiting');
    const met = afterEvent(missed, { participant: 'agent', type: 'joined' }, at(4));
    expect(areBothHere(met)).toBe(true);
  });

  it('never lets time run backwards', () => {
    expect(instantFor({ ...opened, updatedAt: at(9) }, at(8))).toBe(at(9));
    expect(instantFor({ ...opened, updatedAt: at(9) }, at(10))).toBe(at(10));
  });
});

describe('connected time', () => {
  it('runs while both are connected, summed over reconnects', () => {
    const session = play([
      [0, 'agent', 'joined'],
      [0, 'customer', 'joined'],
      [10, 'agent', 'connected'],
      [20, 'customer', 'connected'], // runs
      [50, 'customer', 'left'], // 30 s
      [60, 'customer', 'joined'], // not connected yet
      [90, 'customer', 'connected'], // runs
      [95, 'customer', 'connected'], // said again
      [100, 'agent', 'left'], // 40 s
      [200, 'agent', 'connected'], // runs
    ]);
    expect(session.connectedMs).toBe(40_000);
    expect(meteredMsAt(session, at(205.5))).toBe(45_500);
  });

  it('does not run before the first credit is held', () => {
    const both = afterEvent(
      afterEvent(opened, { participant: 'agent', type: 'connected' }, at(0)),
      { participant: 'customer', type: 'connected' },
      at(0),
    );
    expect(both.state).toBe('waiting');
    expect(meteredMsAt(both, at(300))).toBe(0);
  });

  it('is worth no more than the held blocks, and without limit for a whole session', () => {
    expect(meteredMsAt(connected(10, 2), at(min(25)))).toBe(20 * MINUTE);
    expect(meteredMsAt(connected(null), at(min(25)))).toBe(25 * MINUTE);
  });

  it('ends four hours after the last word of the room', () => {
    expect(meteredMsAt(connected(null), at(min(24 * 60)))).toBe(240 * MINUTE);
  });
});

describe('what is charged', () => {
  it.each<[seconds: number, blockMinutes: number | null, units: number]>([
    [0, null, 0],
    [59.999, null, 0],
    [60, null, 1],
    [7200, null, 1],
    [59.999, 1, 0],
    [60, 1, 1],
    [60.999, 1, 1], // whole seconds
    [61, 1, 2],
    [59, 10, 0],
    [60, 10, 1],
    [600, 10, 1],
    [601, 10, 2],
    [1500, 10, 3],
  ])('%d s in blocks of %s minutes: %d', (seconds, blockMinutes, units) => {
    expect(unitsCharged(seconds * 1000, blockMinutes)).toBe(units);
  });

  it('covers every billable second with started blocks, and none too many', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 0, max: 12 * 3600 * 1000 }),
        fc.integer({ min: 1, max: 240 }),
        (ms, minutes) => {
          const blocks = unitsCharged(ms, minutes);
          const seconds = wholeSeconds(ms);
          if (seconds < 60) return blocks === 0;
          return blocks * minutes * 60 >= seconds && seconds > (blocks - 1) * minutes * 60;
        },
      ),
    );
  });
});

describe('how many credits are wanted on hold', () => {
  it.each<[string, seconds: number, blockMinutes: number | null, wanted: number]>([
    ['a whole session', min(300), null, 1],
    ['the first block', 0, 10, 1],
    ['just before two minutes to its end', min(7, 59.999), 10, 1],
    ['two minutes before its end', min(8), 10, 2],
    ['at its end', min(10), 10, 2],
    ['two minutes before the end of the second', min(18), 10, 3],
    ['after a job that was late', min(25), 10, 3],
    ['blocks as long as the look-ahead: the next when one starts', 0, 2, 2],
    ['shorter blocks: the next when one starts', 0, 1, 2],
    ['shorter blocks, second', 60, 1, 3],
  ])('%s', (_, seconds, blockMinutes, wanted) => {
    expect(unitsWanted(connected(blockMinutes), at(seconds), false)).toBe(wanted);
  });

  it('is only what was used when it ends, or while they are apart', () => {
    expect(unitsWanted(connected(10), at(min(9)), true)).toBe(1);
    expect(unitsWanted(connected(10), at(min(10, 1)), true)).toBe(2);
    const apart = afterEvent(connected(10), { participant: 'agent', type: 'left' }, at(min(9)));
    expect(unitsWanted(apart, at(min(30)), false)).toBe(1);
  });

  it('is used up at the end of the last held block, not while they are apart there', () => {
    expect(isUsedUp(connected(10), at(min(9, 59)), false)).toBe(false);
    expect(isUsedUp(connected(10), at(min(10)), false)).toBe(true);
    expect(isUsedUp(connected(10), at(min(10)), true)).toBe(false);
    expect(isUsedUp(connected(10), at(min(10, 1)), true)).toBe(true);
    const apart = afterEvent(connected(10), { participant: 'agent', type: 'left' }, at(min(10)));
    expect(isUsedUp(apart, at(min(30)), false)).toBe(false);
    expect(isUsedUp(connected(null), at(min(200)), false)).toBe(false);
  });
});

describe('when something is due', () => {
  const out = { ...connected(10), outOfCredit: true };
  it.each<[string, VideoSession, now: number, due: number]>([
    ['nobody has come: an hour', opened, 0, min(60)],
    ['both connected, whole session: the room falls silent', connected(null), 0, min(240)],
    ['both connected: the next block', connected(10), 0, min(8)],
    ['both connected, next block held', connected(10, 2), min(8), min(18)],
    ['no credit for the next block: again in five seconds', out, min(8), min(8, 5)],
    ['no credit, and the block about to end', out, min(9, 58), min(10)],
    [
      'apart: an hour after the last event',
      afterEvent(connected(10), { participant: 'agent', type: 'left' }, at(min(5))),
      min(5),
      min(65),
    ],
  ])('%s', (_, session, now, due) => {
    expect(nextCheckAfter(session, at(now))).toBe(at(due));
    expect(isGivenUp(session, at(now))).toBe(false);
  });

  it('is given up after an hour of waiting, of being apart, or four silent ones', () => {
    expect(isGivenUp(opened, at(min(60)))).toBe(true);
    const apart = afterEvent(connected(10), { participant: 'agent', type: 'left' }, at(min(5)));
    expect(isGivenUp(apart, at(min(64, 59)))).toBe(false);
    expect(isGivenUp(apart, at(min(65)))).toBe(true);
    expect(isGivenUp(connected(null), at(min(239, 59)))).toBe(false);
    expect(isGivenUp(connected(null), at(min(240)))).toBe(true);
  });
});

describe('how it ends', () => {
  const agentOnly = play([[0, 'agent', 'connected']]);
  const missed = play([
    [0, 'agent', 'joined'],
    [5, 'agent', 'left'],
    [9, 'customer', 'joined'],
  ]);
  const none = { connectedMs: 0, charged: 0 };
  it.each<[string, VideoSession, number, Parameters<typeof outcomeOf>[2], object]>([
    [
      'nobody came',
      opened,
      9,
      'by-request',
      { ...none, state: 'no_show', reason: 'no-show', releaseReason: 'no-show' },
    ],
    ['only one came', agentOnly, 9, 'by-request', { ...none, state: 'no_show', reason: 'no-show' }],
    ['waited for too long', agentOnly, 3600, 'abandoned', { ...none, state: 'no_show', reason: 'no-show' }],
    [
      'they missed each other',
      missed,
      9,
      'by-request',
      { ...none, state: 'ended', reason: 'under-60-seconds' },
    ],
    [
      'a short one',
      connected(null),
      59,
      'by-request',
      {
        state: 'ended',
        charged: 0,
        connectedMs: 59_000,
        reason: 'under-60-seconds',
        releaseReason: 'under-60-seconds',
      },
    ],
    ['a whole one', connected(null), 60, 'by-request', { state: 'ended', charged: 1, reason: null }],
    [
      'blocks',
      connected(10, 3),
      min(18),
      'by-request',
      { state: 'ended', charged: 2, reason: null, releaseReason: 'block-not-started' },
    ],
    [
      'out of credit',
      connected(10, 2),
      min(33),
      'insufficient-credits',
      { state: 'blocked', charged: 2, connectedMs: 20 * MINUTE, reason: 'insufficient-credits' },
    ],
    [
      'a room that fell silent',
      connected(null),
      min(600),
      'abandoned',
      { state: 'ended', charged: 1, connectedMs: 240 * MINUTE, reason: 'abandoned' },
    ],
  ])('%s', (_, session, seconds, cause, expected) => {
    const outcome = outcomeOf(session, at(seconds), cause);
    expect(outcome).toMatchObject(expected);
    const over = afterEnd(session, outcome, at(seconds));
    expect(over).toMatchObject({
      connectedSince: null,
      endedAt: at(seconds),
      connectedMs: outcome.connectedMs,
    });
    expect(nextCheckAfter(over, at(seconds))).toBeNull();
  });
});

describe('any course of events', () => {
  const someone = fc.constantFrom<Participant>('agent', 'customer');
  const something = fc.constantFrom<VideoEventType>('joined', 'connected', 'left');
  // Shorter waits than the silence of a room that is gone.
  const course = fc.array(fc.tuple(fc.integer({ min: 0, max: 40 * MINUTE }), someone, something), {
    maxLength: 30,
  });

  it('meters the time in which both were connected: no more, no less', () => {
    fc.assert(
      fc.property(course, (events) => {
        let session = opened;
        let now = 0;
        let expected = 0;
        const isConnected = { agent: false, customer: false };
        for (const [wait, participant, type] of events) {
          if (isConnected.agent && isConnected.customer) expected += wait;
          now += wait;
          session = afterEvent(session, { participant, type }, at(now / 1000));
          if (session.state === 'waiting' && areBothHere(session)) {
            session = afterStart(session, { id: 'hold-1', blockMinutes: null }, at(now / 1000));
          }
          if (type !== 'joined') isConnected[participant] = type === 'connected';
        }
        return meteredMsAt(session, at(now / 1000)) === expected;
      }),
    );
  });

  it('never charges more than is held, and is never due in the past', () => {
    fc.assert(
      fc.property(
        course,
        fc.integer({ min: 1, max: 30 }),
        fc.integer({ min: 0, max: 8 }),
        (events, minutes, credits) => {
          let session = opened;
          let now = 0;
          const bringUpToDate = (): boolean => {
            const instant = at(now / 1000);
            const wanted = Math.min(credits, unitsWanted(session, instant, false));
            while (session.holdIds.length < wanted) {
              session = { ...session, holdIds: [...session.holdIds, `hold-${session.holdIds.length + 1}`] };
            }
            session = { ...session, outOfCredit: wanted < unitsWanted(session, instant, false) };
            return !isUsedUp(session, instant, false) && !isGivenUp(session, instant);
          };
          for (const [wait, participant, type] of events) {
            now += wait;
            if (session.state === 'active' && !bringUpToDate()) break;
            session = afterEvent(session, { participant, type }, at(now / 1000));
            if (session.state === 'waiting' && areBothHere(session)) {
              if (credits === 0) return;
              session = afterStart(session, { id: 'hold-1', blockMinutes: minutes }, at(now / 1000));
            }
            if (session.state !== 'active') continue;
            if (!bringUpToDate()) break;
            expect(Date.parse(nextCheckAfter(session, at(now / 1000)) as string)).toBeGreaterThan(
              START + now,
            );
          }
          const { charged, connectedMs } = outcomeOf(session, at(now / 1000), 'by-request');
          expect(charged).toBeLessThanOrEqual(session.holdIds.length);
          if (charged > 0) expect(connectedMs).toBeGreaterThanOrEqual(MINUTE);
        },
      ),
    );
  });
});
