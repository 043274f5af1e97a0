export {
  hasNewerDate,
  isNews,
  isSettled,
  isSilent,
  type KnownOrder,
  readUntilAfter,
  type SyncKind,
} from './rules';
export {
  deleteParked,
  findRun,
  findsOf,
  insertFind,
  listRuns,
  noteWebhooks,
  type ParkedOrder,
  parkedOrders,
  renewSync,
  type SyncFind,
  type SyncRun,
  saveRun,
} from './store';
export { beginWalk, completeWalk, failWalk, leaseUntil, park, stopWalk, type Walk } from './syncs';
