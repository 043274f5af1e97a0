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

  advance({ days = 0, hours = 0, minutes = 0, seconds = 0 }): void {
    this.instant = addSeconds(this.instant, ((days * 24 + hours) * 60 + minutes) * 60 + seconds);
  }
}
