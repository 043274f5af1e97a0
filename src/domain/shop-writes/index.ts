export { bothSame, type Content, isOfWholeShop, isShopAway } from './rules';
export {
  askForWrite,
  endWrite,
  hasWork,
  parkWrite,
  parkWritesOfShop,
  postponeWrite,
  postponeWritesOfShop,
  retryWrites,
} from './shop-writes';
export { claimWrite, noteCall, type ShopWrite } from './store';
