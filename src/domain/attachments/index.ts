export {
  addAttachments,
  contentOf,
  isThere,
  type PlannedAttachment,
  planAttachments,
  readAttachment,
} from './attachments';
export { type AttachmentItem, contentDisposition } from './rules';
export { attachmentsOf } from './store';
