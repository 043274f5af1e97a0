export { isFreeFollowUp } from './rules';
export { findTicket, lockTicket, newestTicket, solvedBefore, type Ticket } from './store';
export {
  adoptUnpaidTicket,
  callAttention,
  changeTicket,
  customerWordWritten,
  markUnpaid,
  moveTicket,
  noteWritten,
  openTicket,
  recordTicketEvent,
  replyWritten,
  type TicketChanges,
  takeTurn,
  ticketToAdopt,
} from './tickets';
