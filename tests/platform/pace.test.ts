import { addSeconds } from '../../src/platform/clock';
import { makePace } from '../../src/platform/pace';

const start = new Date('2026-11-22T12:00:00.000Z');
const at = (seconds: number) => addSeconds(start, seconds);

describe('a pace', () => {
  it('lets so many go in any minute, and no more', () => {
    const pace = makePace(10);
    pace.went(at(0), 4);
    pace.went(at(30), 6);
    expect([30, 59].map((second) => pace.room(at(second)))).toEqual([0, 0]);
    expect(pace.room(at(60))).toBe(4);
    pace.went(at(60), 4);
    expect(pace.room(at(89))).toBe(0);
    expect(pace.room(at(90))).toBe(6);
    expect(pace.room(at(500))).toBe(10);
  });

  it('does not stand still when the clock is set back', () => {
    const pace = makePace(10);
    pace.went(at(3600), 10);
    expect(pace.room(at(0))).toBe(10);
  });
});
