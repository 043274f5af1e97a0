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
export { type Amounts, changeOf, type Draw, type EntryType, METERS, type Meter, type Work } from './rules';
export {
  customersWithDueGrants,
  findHold,
  grantsOfCustomer as grantsOf,
  type Hold,
  holdsOfCause,
  readBalance as balanceOf,
} from './store';
export { verifyLedger } from './verify';
