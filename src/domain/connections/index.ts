export { askForKeys, keysMark, notePing, secretMark, takeApproval } from './connections';
export {
  isLocalAddress,
  type OwnWebhook,
  planWebhooks,
  WEBHOOK_TOPICS,
  type WebhookFlaw,
  webhookName,
} from './rules';
export {
  endWebhooksLease,
  findLink,
  keepOnlyWebhooks,
  leaseWebhooks,
  ownWebhooks,
  renewWebhooksLease,
  saveCheck,
  saveWebhook,
} from './store';
