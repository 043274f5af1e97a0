export {
  CUSTOMER_NOTES,
  type CustomerNote,
  DEFAULT_STORE,
  isSlug,
  type NewStore,
  type StoreChanges,
} from './rules';
export {
  findStore,
  findStoreBySlug,
  findStoresByMailAddress,
  findStoresBySlugs,
  listStores,
  type Store,
} from './store';
export {
  assertSecretsOpen,
  createStore,
  ensureWebhookSecret,
  learnFromShop,
  storeSecrets,
  syncEnvironmentStore,
  updateStore,
  webhookKey,
} from './stores';
