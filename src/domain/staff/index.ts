export { hashPassword, isPassword } from './password';
export {
  checkPerson,
  invalidPerson,
  normaliseStaffEmail,
  type PersonMistake,
  type Role,
  SESSION_SECONDS,
} from './rules';
export {
  addPerson,
  admitAttempt,
  closeSession,
  forgetFailures,
  forgetOld,
  isSetupToken,
  makeSetupToken,
  openSession,
  renamePerson,
  sessionOf,
  setPassword,
  signAs,
  useSetupToken,
} from './staff';
export { anyOwner, findPersonWithHash, type Person, type Session } from './store';
