export {
  cancelImport,
  createImport,
  endImport,
  failImport,
  letGoOfImport,
  noteProgress,
  resumeImport,
} from './imports';
export { importFrom } from './rules';
export { claimImport, type Import, leaseEnd, newestImport, saveImport } from './store';
