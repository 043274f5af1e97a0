import { type Circuit, makeCircuit } from '../../src/platform/circuit';
import { addSeconds } from '../../src/platform/clock';
import { backoffSeconds, limits, probeWaitSeconds } from '../../src/platform/limits';

const start = new Date('2026-11-22T12:00:00.000Z');
const at = (seconds: number) => addSeconds(start, seconds);

describe('waits', () => {
  it('double up to a cap, and lie between half of the step and all of it', () => {
    expect([1, 2, 3, 20].map((attempt) => backoffSeconds(attempt, 1))).toEqual([2, 4, 8, 3600]);
    expect([1, 2, 3, 20].map((attempt) => backoffSeconds(attempt, 0))).toEqual([1, 2, 4, 1800]);
    expect(backoffSeconds(3, 0.5)).toBe(6);
    expect([0, 1, 2, 3, 4, 50].map((failed) => probeWaitSeconds(failed, 1))).toEqual([
      10, 20, 40, 80, 120, 120,
    ]);
    expect(probeWaitSeconds(50, 0)).toBe(60);
  });
});

describe('the circuit before a provider', () => {
  let circuit: Circuit;
  const room = (seconds: number, wanted = 20, underWay = 0) =>
    circuit.room(at(seconds), { wanted, underWay });
  const failTimes = (times: number, seconds = 0) =>
    Array.from({ length: times }, () => circuit.failed(at(seconds), 1));

  beforeEach(() => {
    circuit = makeCircuit();
  });

  it('opens after several failures in a row, and says so once', () => {
    expect(failTimes(limits.circuitOpensAfter - 1)).toEqual([null, null, null, null]);
    expect(room(0)).toBe(20);
    expect(failTimes(3)).toEqual(['opened', null, null]);
    expect([room(0), room(9)]).toEqual([0, 0]);
    expect(circuit.silentUntil()).toEqual(at(10));
  });

  it('does not open when an answer comes in between', () => {
    failTimes(limits.circuitOpensAfter - 1);
    expect(circuit.answered()).toBeNull();
    failTimes(limits.circuitOpensAfter - 1);
    expect(room(0)).toBe(20);
  });

  it('lets one call at a time ask, later and later, and closes when it is answered', () => {
    failTimes(limits.circuitOpensAfter);
    expect([room(10), room(10, 0), room(10, 20, 1)]).toEqual([1, 0, 0]);
    circuit.failed(at(10), 1);
    expect([room(29), room(30)]).toEqual([0, 1]);
    circuit.failed(at(30), 1);
    expect([room(69), room(70)]).toEqual([0, 1]);
    expect(circuit.answered()).toBe('closed');
    expect(room(70)).toBe(20);
    expect(circuit.silentUntil()).toBeNull();
    // It has to fail as often again.
    expect(failTimes(limits.circuitOpensAfter - 1, 71)).toEqual([null, null, null, null]);
  });

  it('is not kept open longer by calls that began before it opened', () => {
    failTimes(limits.circuitOpensAfter);
    failTimes(20, 5);
    expect(room(10)).toBe(1);
  });

  it('opens at once when the provider says for how long, up to a cap', () => {
    expect(circuit.failed(start, 1, 30)).toBe('opened');
    expect([room(29), room(30)]).toEqual([0, 1]);
    circuit.failed(at(30), 1, 86_400);
    expect([room(30 + limits.retryAfterCapSeconds - 1), room(30 + limits.retryAfterCapSeconds)]).toEqual([
      0, 1,
    ]);
  });

  it('tells once when it has been open for long', () => {
    failTimes(limits.circuitOpensAfter);
    const news: unknown[] = [];
    for (let seconds = 0; seconds < 3 * 3600; seconds += 10) {
      if (room(seconds) === 1) news.push([seconds, circuit.failed(at(seconds), 1)]);
    }
    const told = news.filter((one) => (one as unknown[])[1] !== null);
    expect(told).toEqual([[expect.any(Number), 'open for long']]);
    expect((told[0] as number[])[0]).toBeGreaterThanOrEqual(limits.circuitAlarmMinutes * 60);
    expect((told[0] as number[])[0]).toBeLessThan(
      limits.circuitAlarmMinutes * 60 + limits.circuitProbeCapSeconds,
    );
  });

  it('is not kept open by a clock that is set back', () => {
    failTimes(limits.circuitOpensAfter, 3600);
    expect(room(0)).toBe(1);
  });
});
