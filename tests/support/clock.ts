import { addSeconds, type Clock } from '../../src/platform/clock';

/** Stands still until a test moves it. */
export class TestClock implements Clock {
  private instant: Date;

  constructor(at: string) {
    this.instant = new Date(at);
  }

  now(): Date {
    return new Date(this.instant);
  }

  set(at: string): void {
    this.instant = new Date(at);
  }

  /** Seconds, or larger units by name. */
  advance(by: number | { days?: number; hours?: number; minutes?: number; seconds?: number }): void {
    const { days = 0, hours = 0, minutes = 0, seconds = 0 } = typeof by === 'number' ? { seconds: by } : by;
    this.instant = addSeconds(this.instant, ((days * 24 + hours) * 60 + minutes) * 60 + seconds);
  }
}
