export { addAttachments, planAttachments, readAttachment } from './attachments';
export { type AttachmentItem, contentDisposition } from './rules';
export { attachmentsOf } from './store';
