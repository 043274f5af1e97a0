/** What this process reads from shops in the background. Nothing in it is needed by another process. */
export interface Walks {
  readonly underWay: Set<Promise<void>>;
  /** The process ends: whatever is under way stops at the next order, and another process goes on. */
  stopping: boolean;
}

export function makeWalks(): Walks {
  return { underWay: new Set(), stopping: false };
}

/** Work that nobody waits for now, and that has ended before the database is let go of. */
export function inBackground(walks: Walks, work: Promise<unknown>): Promise<void> {
  const tracked: Promise<void> = work.then(
    () => void walks.underWay.delete(tracked),
    () => void walks.underWay.delete(tracked),
  );
  walks.underWay.add(tracked);
  return tracked;
}
