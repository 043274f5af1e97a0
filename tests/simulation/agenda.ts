/** What is going to happen when: the clock jumps from one entry to the next. */
export class Agenda {
  private readonly entries: { at: number; number: number; work: () => Promise<void> }[] = [];
  private made = 0;

  /** Of two at one time the one that was entered first comes first, so that a seed always tells the same story. */
  add(at: number, work: () => Promise<void>): void {
    const entry = { at, number: ++this.made, work };
    let index = this.entries.length;
    while (index > 0 && (this.entries[index - 1]?.at ?? 0) > at) index -= 1;
    this.entries.splice(index, 0, entry);
  }

  next(): { at: number; work: () => Promise<void> } | undefined {
    return this.entries.shift();
  }
}
