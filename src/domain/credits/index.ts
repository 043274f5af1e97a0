export {
  adjust,
  bringToOrder,
  capture,
  DEFAULT_PRICE_LIST,
  everHadMeter,
  expireDueOf,
  hold,
  lockedGrantsOfOrder,
  type OrderClaim,
  quoteHold,
  release,
  reverse,
  usableOn,
} from './credits';
export {
  type Amounts,
  changeOf,
  type Draw,
  type EntryType,
  type Level,
  levelOf,
  METERS,
  type Meter,
  pooledPieces,
  type StockGrant,
  shortfallOf,
  stockOf,
  type Work,
} from './rules';
export { readStock, stockGrantFromRow, takenBackOf } from './stock.query';
export {
  customersWithDueGrants,
  findHold,
  grantsOfCustomer as grantsOf,
  type Hold,
  holdsOfCause,
  lockBalance,
  markLookedAt,
  readBalance as balanceOf,
  wereCreditsAdded,
  wereCreditsSpent,
} from './store';
export { verifyLedger } from './verify';
